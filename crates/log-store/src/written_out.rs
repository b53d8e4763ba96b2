//! The signatures of the traits as one writes them. `async_trait` expands them, and the docs would show only that.

/// The signatures in the body of a trait, and those that its doc comment shows.
fn signatures(source: &str) -> Vec<(&str, Vec<String>, Vec<String>)> {
    let mut found = Vec::new();
    for part in source.split("\npub trait ").skip(1) {
        let (name, _) = part.split_once(':').unwrap();
        let (body, _) = part.split_once("\n}").unwrap();
        let (before, _) = source.split_once(&format!("\npub trait {name}:")).unwrap();
        let doc: Vec<_> = before
            .lines()
            .rev()
            .skip_while(|line| line.starts_with('#'))
            .map_while(|line| line.strip_prefix("///"))
            .map(str::trim)
            .filter(|line| line.starts_with("fn ") || line.starts_with("async fn "))
            // An example may implement the trait: that line has a body.
            .filter(|line| line.ends_with(';'))
            .map(str::to_owned)
            .collect();
        found.push((name, declared(body), doc.into_iter().rev().collect()));
    }
    found
}

/// The signatures of a body, each on one line.
fn declared(body: &str) -> Vec<String> {
    let code: Vec<_> = body
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
        .collect();
    let code = code.join(" ");
    let starts: Vec<_> = code.match_indices("fn ").map(|(at, _)| at).collect();
    let signature = |at: usize| {
        let at = code[..at].strip_suffix("async ").map_or(at, str::len);
        let end = at + code[at..].find([';', '{']).unwrap();
        let text = code[at..end].trim().replace("( ", "(").replace(", )", ")");
        format!("{text};")
    };
    starts.into_iter().map(signature).collect()
}

#[test]
fn the_docs_of_each_trait_show_its_signatures() {
    let sources = [
        include_str!("lines.rs"),
        include_str!("append.rs"),
        include_str!("numbered.rs"),
        include_str!("jobs.rs"),
        include_str!("runs.rs"),
        include_str!("access.rs"),
    ];
    let traits: Vec<_> = sources.into_iter().flat_map(signatures).collect();
    assert_eq!(traits.len(), 11, "the traits are no longer found");
    for (name, declared, shown) in traits {
        assert_eq!(
            shown, declared,
            "{name}: left is in its docs, right in its body"
        );
    }
}
