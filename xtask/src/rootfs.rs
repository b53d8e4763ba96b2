//! Images without a registry: a folder with a program and what it needs, handed to `docker import`.
//!
//! A dynamic program needs the libraries that `ldd` names and the loader, at the very paths where
//! they are here, and nothing else. `docker import` is as old as Docker, needs no base image, no
//! builder and no network.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::docker::docker;
use crate::process::{Cmd, RunError};

/// Why an image could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// A program that takes part in it failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file or folder of the image could not be written.
    #[error("cannot put {} into the image: {source}", path.display())]
    File {
        /// Which one, as the image will see it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No engine, no image.
    #[error("no Docker engine answers `docker version`, so there is nowhere to put an image")]
    NoEngine,
    /// Something that goes into the image is not on this machine.
    #[error("{what} is not here: {hint}")]
    Missing {
        /// What is missing.
        what: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The workspace could not be read.
    #[error(transparent)]
    Workspace(#[from] crate::workspace::WorkspaceError),
    /// The image is there, but a container of it does not do its work.
    #[error("the image {image} was made, but a container of it {problem}")]
    Broken {
        /// The image's name.
        image: String,
        /// What the trial saw.
        problem: String,
    },
}

/// The user that an image's program runs as. It owns the folders that the program writes to.
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) id: u32,
}

/// A root file system in the making.
pub(crate) struct RootFs {
    /// Holds the tree, and is deleted with this value.
    folder: TempDir,
    /// Who runs the program.
    user: User,
    /// Folders of the image that belong to `user`; everything else belongs to root.
    owned: Vec<&'static str>,
}

impl RootFs {
    /// An empty system that knows two users, root and the given one, and resolves names by
    /// `/etc/hosts` and DNS.
    pub(crate) fn new(user: User) -> Result<Self, ImageError> {
        let folder = TempDir::new().map_err(|source| ImageError::File {
            path: PathBuf::from("/"),
            source,
        })?;
        // `TempDir` is private to its owner; the image's root has to be open to its user.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).map_err(|source| ImageError::File {
            path: PathBuf::from("/"),
            source,
        })?;
        let rootfs = Self {
            folder,
            user,
            owned: Vec::new(),
        };
        let User { name, id } = rootfs.user;
        let passwd =
            format!("root:x:0:0:root:/:/sbin/nologin\n{name}:x:{id}:{id}::/:/sbin/nologin\n");
        rootfs.add_text("/etc/passwd", &passwd, 0o644)?;
        rootfs.add_text("/etc/group", &format!("root:x:0:\n{name}:x:{id}:\n"), 0o644)?;
        rootfs.add_text("/etc/nsswitch.conf", "hosts: files dns\n", 0o644)?;
        Ok(rootfs)
    }

    /// Adds a program under the path `at`, with every library that it is linked to.
    pub(crate) fn add_program(&self, program: &Path, at: &str) -> Result<(), ImageError> {
        self.add_file(program, at, 0o755)?;
        for library in libraries(program)? {
            self.add_file(&library, &library.to_string_lossy(), 0o755)?;
        }
        Ok(())
    }

    /// Copies a file of this machine, links resolved, to the path `at`.
    pub(crate) fn add_file(&self, from: &Path, at: &str, mode: u32) -> Result<(), ImageError> {
        let put = |to: &Path| std::fs::copy(from, to).map(|_| ());
        self.write(at, mode, put)
    }

    /// Writes a text file to the path `at`.
    pub(crate) fn add_text(&self, at: &str, text: &str, mode: u32) -> Result<(), ImageError> {
        self.write(at, mode, |to| std::fs::write(to, text))
    }

    /// Adds an empty folder that belongs to the image's user.
    pub(crate) fn add_owned_folder(&mut self, at: &'static str) -> Result<(), ImageError> {
        std::fs::create_dir_all(self.inside(at)).map_err(|source| ImageError::File {
            path: PathBuf::from(at),
            source,
        })?;
        self.owned.push(at);
        Ok(())
    }

    /// Makes the image. `changes` are the lines of a Dockerfile that say how it is started.
    pub(crate) fn import(&self, image: &str, changes: &[String]) -> Result<(), ImageError> {
        let archive = tempfile::Builder::new()
            .suffix(".tar")
            .tempfile()
            .map_err(|source| ImageError::File {
                path: PathBuf::from("/"),
                source,
            })?;
        self.pack(archive.path())?;
        let old = docker()
            .args(["image", "inspect", "--format", "{{.Id}}", image])
            .read();
        docker()
            .arg("import")
            .args(changes.iter().flat_map(|change| ["--change", change]))
            .arg("--change")
            .arg(format!("USER {0}:{0}", self.user.id))
            .arg(archive.path())
            .arg(image)
            .read()?;
        if let Ok(old) = old {
            remove_if_nameless(old.trim());
        }
        Ok(())
    }

    /// Packs the tree. Two calls, because one call of `tar` gives everything one owner.
    fn pack(&self, archive: &Path) -> Result<(), ImageError> {
        let tar = |how: &str, owner: u32| {
            Cmd::new("tar")
                .arg("--directory")
                .arg(self.folder.path())
                .args(["--numeric-owner", "--sort=name", "--mtime=@0"])
                .args([format!("--owner={owner}"), format!("--group={owner}")])
                .args([how, "--file"])
                .arg(archive)
        };
        let owned = || self.owned.iter().map(|folder| format!(".{folder}"));
        tar("--create", 0)
            .args(owned().map(|f| format!("--exclude={f}")))
            .arg(".")
            .read()?;
        if !self.owned.is_empty() {
            tar("--append", self.user.id).args(owned()).read()?;
        }
        Ok(())
    }

    fn write(
        &self,
        at: &str,
        mode: u32,
        put: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), ImageError> {
        let to = self.inside(at);
        let written = || {
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder)?;
            }
            put(&to)?;
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(mode))
        };
        written().map_err(|source| ImageError::File {
            path: PathBuf::from(at),
            source,
        })
    }

    fn inside(&self, at: &str) -> PathBuf {
        self.folder.path().join(at.trim_start_matches('/'))
    }
}

/// Removes the image that a new one has taken the name of, unless it has another name or a
/// container still uses it: then docker refuses.
fn remove_if_nameless(id: &str) {
    let names = docker()
        .args(["image", "inspect", "--format", "{{len .RepoTags}}", id])
        .read();
    if names.is_ok_and(|names| names.trim() == "0") {
        let _ = docker().args(["image", "rm", id]).read();
    }
}

/// The libraries of a program, the loader among them, by absolute path.
fn libraries(program: &Path) -> Result<Vec<PathBuf>, RunError> {
    // Cargo extends the library path of what it runs, and the image will not have cargo's folders.
    let answer = Cmd::new("ldd")
        .arg(program)
        .env("LD_LIBRARY_PATH", "")
        .read();
    match answer {
        Ok(lines) => Ok(library_paths(&lines)),
        Err(RunError::Exit { said, .. }) if said.contains("not a dynamic executable") => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Reads `ldd`'s lines: `name => /path (address)`, or `/path (address)` for the loader. The
/// kernel's own `linux-vdso` has no path.
fn library_paths(lines: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let words = line.split_whitespace();
        words
            .take_while(|word| !word.starts_with('('))
            .find(|w| w.starts_with('/'))
            .map(Into::into)
    };
    lines.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_with_the_loader_and_without_the_kernels_own() {
        let lines = "\tlinux-vdso.so.1 (0x00007f39)\n\
                     \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f39)\n\
                     \tlibgone.so => not found\n\
                     \t/lib64/ld-linux-x86-64.so.2 (0x00007f39)\n";
        let paths = library_paths(lines);
        let want = [
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
        ];
        assert_eq!(paths, want.map(PathBuf::from));
    }

    #[test]
    fn an_archive_gives_the_user_only_its_own_folders() {
        let mut rootfs = RootFs::new(User {
            name: "somebody",
            id: 4242,
        })
        .unwrap();
        rootfs
            .add_text("/usr/bin/tool", "#!/bin/sh\n", 0o755)
            .unwrap();
        rootfs.add_owned_folder("/data").unwrap();
        let archive = tempfile::NamedTempFile::new().unwrap();
        rootfs.pack(archive.path()).unwrap();
        let list = Cmd::new("tar")
            .args(["-tv", "--numeric-owner", "-f"])
            .arg(archive.path())
            .read();
        let list = list.unwrap();
        let line = |path: &str| {
            list.lines()
                .find(|line| line.ends_with(path))
                .unwrap()
                .to_owned()
        };
        assert!(
            line("./data/").starts_with("drwxr-xr-x 4242/4242"),
            "{list}"
        );
        assert!(
            line("./usr/bin/tool").starts_with("-rwxr-xr-x 0/0"),
            "{list}"
        );
        assert_eq!(list.matches("./data/").count(), 1, "{list}");
    }
}
