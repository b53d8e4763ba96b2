//! The log page.

use super::catalog;
use super::read::Reader;
use super::server::is_origin;
use crate::viewer::ViewerOptions;

/// `LOG_API_VIEWER` and `LOG_API_EMBED_ORIGINS`: whether there is a log page, and where it may be shown in a frame.
pub(super) fn viewer(reader: &mut Reader<'_>) -> ViewerOptions {
    let enabled = reader.text(&catalog::VIEWER).as_deref() != Some("off");
    if let Some(word) = reader.given(&catalog::VIEWER)
        && !matches!(word.as_str(), "on" | "off")
    {
        reader.broken_rule(&catalog::VIEWER);
    }
    let embed_origins = reader.list(&catalog::EMBED_ORIGINS).unwrap_or_default();
    if !embed_origins.iter().all(|origin| is_origin(origin)) {
        reader.broken_rule(&catalog::EMBED_ORIGINS);
    }
    ViewerOptions {
        enabled,
        embed_origins,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(settings: &[(&'static str, &'static str)]) -> (ViewerOptions, usize) {
        let env: HashMap<_, _> = settings.iter().copied().collect();
        let mut reader = Reader::new(&env);
        let options = viewer(&mut reader);
        (options, reader.finish().0.len())
    }

    #[test]
    fn there_is_a_page_unless_it_is_turned_off_and_frames_are_for_named_origins() {
        assert_eq!(read(&[]).0.embed_origins, [""; 0]);
        assert!(read(&[]).0.enabled);
        assert!(!read(&[("LOG_API_VIEWER", "off")]).0.enabled);
        let named = read(&[(
            "LOG_API_EMBED_ORIGINS",
            "https://a.example, https://b.example",
        )]);
        assert_eq!(
            named.0.embed_origins,
            ["https://a.example", "https://b.example"]
        );
        for wrong in [
            ("LOG_API_VIEWER", "yes"),
            ("LOG_API_EMBED_ORIGINS", "*"),
            ("LOG_API_EMBED_ORIGINS", "https://a.example/path"),
            ("LOG_API_EMBED_ORIGINS", "https://a.example; script-src *"),
        ] {
            assert_eq!(read(&[wrong]).1, 1, "{wrong:?}");
        }
    }
}
