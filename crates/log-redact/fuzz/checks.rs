//! The check that must hold for any input. The fuzz target calls it, and the crate's own tests call it with every file
//! under `seeds/`.

use std::sync::LazyLock;

use log_redact::Redaction;

const SECRET: &str = "Xq7/vR+2mZ&k9!w-long-enough-to-be-wrapped";
const SEVERAL_LINES: &str = "mode: fast\npassword: tr0ub4dor\nkind: blue";

static REDACTION: LazyLock<Redaction> = LazyLock::new(|| {
    let builder = Redaction::builder().secret(SECRET).expect("a secret");
    let builder = builder.secret(SEVERAL_LINES).expect("a secret");
    builder.build().expect("two secrets")
});

/// A secret that is added in the middle of the lines.
const LATE: &str = "late-Secret-77";

static LATER: LazyLock<Redaction> =
    LazyLock::new(|| REDACTION.with_secret(LATE).expect("a secret"));

/// A line comes out for each line, whether lines come at once or slowly, and none of them shows a secret. The first byte
/// says after which lines nothing follows for a while.
pub(crate) fn redactor(bytes: &[u8]) {
    let Some((pauses, bytes)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    let count = text.split('\n').count();
    for slow in [false, true] {
        let mut shown = Vec::new();
        let mut redactor = REDACTION.redactor::<String>();
        let late_from = count / 2;
        for (number, line) in text.split('\n').enumerate() {
            if number == late_from {
                redactor.set_redaction(&LATER);
            }
            let open = redactor.open_line(line.to_owned());
            assert!(!open.contains(SECRET), "{text:?}: {open:?}");
            redactor.push(line.to_owned(), |line| shown.push(line));
            if slow && (pauses >> (number % 8)) & 1 == 1 {
                redactor.release_held_lines(|line| shown.push(line));
                assert!(!redactor.holds_lines());
            }
        }
        redactor.finish(|line| shown.push(line));
        assert_eq!(shown.len(), count, "{text:?} became {shown:?}");
        for line in &shown[late_from..] {
            assert!(!line.contains(LATE), "{text:?}: {line:?}");
        }
        for line in shown {
            assert!(
                !line.contains(SECRET) && !line.contains("tr0ub4dor"),
                "{text:?}: {line:?}"
            );
        }
    }
}
