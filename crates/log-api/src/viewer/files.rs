//! The files of `web/` that are served. A test compares this list with the folder.

use super::asset::File;

macro_rules! files {
    ($($path:literal)+) => {
        /// Every file, by its path below `web/`.
        pub(super) static FILES: &[File] = &[
            $(File {
                path: $path,
                text: include_str!(concat!("../../web/", $path)),
            },)+
        ];
    };
}

files! {
    "client/backoff.js"
    "client/ended.js"
    "client/follow.js"
    "client/ids.js"
    "client/index.js"
    "client/pages.js"
    "client/poll.js"
    "client/react.js"
    "client/request.js"
    "client/search-all.js"
    "client/sleep.js"
    "client/slots.js"
    "client/sse.js"
    "client/surroundings.js"
    "element/announcer.js"
    "element/copier.js"
    "element/dom.js"
    "element/failures.js"
    "element/find.js"
    "element/head.js"
    "element/job-log.js"
    "element/keys.js"
    "element/line.js"
    "element/looks.js"
    "element/menu.js"
    "element/navigation.js"
    "element/panel.js"
    "element/preferences.js"
    "element/rows.js"
    "element/selection.js"
    "element/structure.js"
    "element/styles.js"
    "element/theme.js"
    "element/view.js"
    "model/block.js"
    "model/column.js"
    "model/fetcher.js"
    "model/first-failure.js"
    "model/fragment.js"
    "model/gap-words.js"
    "model/groups.js"
    "model/log.js"
    "model/marks.js"
    "model/matches.js"
    "model/packed.js"
    "model/pieces.js"
    "model/scroll.js"
    "model/session.js"
    "model/state.js"
    "model/times.js"
    "page/embed.js"
    "page/job.js"
    "page/page.css"
    "page/page.js"
    "page/plain.js"
    "page/token.js"
    "text/ansi.js"
    "text/cells.js"
    "text/colour.js"
    "text/failure.js"
    "text/hidden.js"
    "text/links.js"
    "text/matcher.js"
    "text/name.js"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_module_of_the_folder_is_in_the_list() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        let mut there = Vec::new();
        for folder in ["client", "element", "model", "page", "text"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                if name.ends_with(".js") || name.ends_with(".css") {
                    there.push(format!("{folder}/{name}"));
                }
            }
        }
        there.sort();
        let listed: Vec<_> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(listed, there);
    }
}
