//! What the rules look at.

/// One text file of the tree.
pub(super) struct File {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        Self { path, text }
    }

    /// The lines of a Rust file without its tests: up to its test module, and without single items for tests.
    pub(super) fn production(&self) -> Vec<&str> {
        let mut lines = Vec::new();
        let mut rest = self.text.lines();
        while let Some(line) = rest.next() {
            if line != "#[cfg(test)]" {
                lines.push(line);
                continue;
            }
            let item = rest.next().unwrap_or_default();
            if item.ends_with('{') && item.split(' ').any(|word| word == "mod") {
                break;
            }
        }
        lines
    }
}
