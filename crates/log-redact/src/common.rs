//! Values that are in every log: hiding them would destroy the log and protect nothing.

/// The most digits of a number that is not hidden: ports, counts, years.
const MAX_DIGITS: usize = 5;

/// Whether a value is a common word or number.
pub(crate) fn is_common(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_number = digits > 0
        && value
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-' | b'+' | b':'));
    if is_number && digits <= MAX_DIGITS {
        return true;
    }
    let small = value.to_ascii_lowercase();
    COMMON_WORDS
        .split_ascii_whitespace()
        .any(|word| word == small)
}

/// Words that build tools print, and that people set variables to.
const COMMON_WORDS: &str = "
    true false yes null none undefined enabled disabled enable disable default auto always never optional required
    test tests testing dev develop development prod production stage staging local localhost release debug info warn warning
    error errors trace fatal verbose quiet silent main master head latest stable beta alpha canary nightly next current
    admin administrator root user users username guest anonymous public private internal external example sample demo
    password passwd secret secrets token tokens login auth name value values string number object array list json yaml yml toml
    http https file files path paths home temp build builds builder built run runs running start started starting stop stopped
    done finish finished success successful succeeded fail failed failure pass passed skip skipped pending queued ready
    node npm yarn pnpm bun deno rust rustc cargo java javac python pip ruby gem bundle golang gradle maven docker podman
    compose kubernetes kubectl helm terraform linux ubuntu debian alpine windows darwin macos amd64 arm64 x86_64 aarch64
    postgres postgresql mysql mariadb sqlite redis mongo mongodb rabbitmq nginx apache server client host port app application
    service worker web api database cache queue index query table schema model models view views module modules package
    packages version versions lock source sources target targets output input config configuration settings option options
    install installed installing update updated updating upgrade remove removed delete deleted create created creating add
    added change changed changes copy copied move moved download downloaded downloading upload uploaded fetch fetched pull
    push pushed commit branch merge clone checkout tag line lines code compile compiled compiling link linked warning warnings
    note notes help usage step steps stage stages task tasks job jobs log logs time date from with this that have been will
    into over more than when then else only also each other some total count size type kind status state result results
    ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_and_short_numbers_are_known() {
        for value in [
            "true",
            "Production",
            "8080",
            "1213",
            "1.25",
            "localhost",
            "12:30",
        ] {
            assert!(is_common(value), "{value}");
        }
        for value in ["hunter2", "correct horse", "918273", "k8Rt", "letmein"] {
            assert!(!is_common(value), "{value}");
        }
    }
}
