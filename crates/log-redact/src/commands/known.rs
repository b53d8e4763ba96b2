//! The programs that take a password on their command lines, and how.

/// A program, and the options in which it takes a password.
#[derive(Debug)]
pub(crate) struct Command {
    /// The name. A name that ends with a space is a whole word.
    pub(crate) program: &'static str,
    pub(super) options: &'static [(&'static str, Takes)],
}

/// How an option takes a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// `-p password`
    Next,
    /// `BY 'password'`, in quotes
    Quoted,
    /// `-ppassword`, and nothing in the next word.
    Attached,
    /// `-u user:password`
    Login(char),
    /// The word that is this one of those which are no options, from 1.
    Place(usize),
    /// The last word, if an option has this letter: `-nb user password`.
    Last(char),
    /// Each word `NAME=value`.
    Pairs,
}

impl Command {
    /// The name as it stands in a list of texts: `'docker', 'login'`. A name that is a part of a word is found as it is.
    pub(crate) fn in_lists(&self) -> impl Iterator<Item = String> {
        let words = self.program.strip_suffix(' ').into_iter();
        let ties = ["', '", "\", \"", "\",\""];
        words.flat_map(move |words| ties.map(|tie| words.replace(' ', tie) + &tie[..1]))
    }
}

const fn command(program: &'static str, options: &'static [(&'static str, Takes)]) -> Command {
    Command { program, options }
}

/// The programs that are known. The examples in `HIDDEN.md` are checked.
pub(crate) const COMMANDS: &[Command] = {
    use Takes::{Attached, Last, Login, Next, Pairs, Place, Quoted};
    const DATABASE: &[(&str, Takes)] = &[("-p", Attached)];
    const LOGIN: &[(&str, Takes)] = &[("-p", Next)];
    const CREDS: &[(&str, Takes)] = &[
        ("--creds", Login(':')),
        ("--src-creds", Login(':')),
        ("--dest-creds", Login(':')),
    ];
    &[
        command(
            "curl ",
            &[
                ("-u", Login(':')),
                ("--user", Login(':')),
                ("-U", Login(':')),
                ("--proxy-user", Login(':')),
                ("-E", Login(':')),
                ("--cert", Login(':')),
                ("--pass", Next),
                ("--oauth2-bearer", Next),
                ("-b", Login('=')),
            ],
        ),
        command("http ", &[("-a", Login(':')), ("--auth", Login(':'))]),
        command("mysql", DATABASE),
        command("mariadb", DATABASE),
        command("mongo", LOGIN),
        command("sshpass ", &[("-p", Next), ("-p", Attached)]),
        command("redis-cli ", &[("-a", Next), ("--pass", Next)]),
        command("sqlcmd ", &[("-P", Next), ("-P", Attached)]),
        // Of `docker`, `helm registry`, `az`, `oc`, `cf` and others.
        command("login ", LOGIN),
        command("twine upload ", LOGIN),
        command("skopeo ", CREDS),
        command("buildah ", CREDS),
        command("lftp ", &[("-u", Login(','))]),
        command("smbclient ", &[("-U", Login('%'))]),
        command("ldapsearch ", &[("-w", Next)]),
        command("ldapmodify ", &[("-w", Next)]),
        command("ldapadd ", &[("-w", Next)]),
        command("zip ", &[("-P", Next)]),
        command("unzip ", &[("-P", Next)]),
        command("bcp ", &[("-P", Next)]),
        command(
            "sqlplus ",
            &[("", Login('/')), ("-S", Login('/')), ("-L", Login('/'))],
        ),
        command("htpasswd ", &[("", Last('b'))]),
        command("useradd ", LOGIN),
        command("usermod ", LOGIN),
        command("altool ", LOGIN),
        command("psexec ", LOGIN),
        command("smbmap ", LOGIN),
        command("ncftp", LOGIN),
        command("conan user ", LOGIN),
        command("ipmitool ", &[("-P", Next)]),
        command("cmdkey ", &[("/pass:", Attached)]),
        command("schtasks ", &[("/rp", Next)]),
        command("rabbitmqctl add_user ", &[("", Place(2))]),
        command("rabbitmqctl change_password ", &[("", Place(2))]),
        command("encrypt_string ", &[("", Place(1))]),
        command("kv put ", &[("", Pairs)]),
        command("kv patch ", &[("", Pairs)]),
        command("cloudsmith push ", &[("-k", Next)]),
        command("nuget add source ", LOGIN),
        command("nuget push ", &[("-k", Next)]),
        command("codecov ", &[("-t", Next)]),
        command("vercel ", &[("-t", Next)]),
        command("snyk auth ", &[("", Place(1))]),
        command("ngrok authtoken ", &[("", Place(1))]),
        command("config add-authtoken ", &[("", Place(1))]),
        command("config set --secret ", &[("", Place(2))]),
        command("mc alias set ", &[("", Place(4))]),
        // Of Poetry and Composer: `config http-basic.host user password`.
        command("config http-basic.", &[("", Place(2))]),
        command("--global http-basic.", &[("", Place(2))]),
        command("securestring ", &[("--value", Next)]),
        command("identified ", &[("BY", Quoted), ("by", Quoted)]),
        // `openssl enc -k x`, `openssl passwd -6 x`
        command(
            "openssl ",
            &[
                ("-k", Next),
                ("-K", Next),
                ("-1", Next),
                ("-5", Next),
                ("-6", Next),
                ("-apr1", Next),
            ],
        ),
        command("7z ", &[("-p", Attached)]),
        command("set password ", &[("=", Quoted)]),
        command("unlock-keychain ", LOGIN),
        command("create-keychain ", LOGIN),
        command("set-key-partition-list ", &[("-k", Next)]),
        command("security import ", &[("-P", Next)]),
        command("signtool ", &[("/p", Next)]),
        command("plink ", &[("-pw", Next)]),
        command("pscp ", &[("-pw", Next)]),
        command(
            "convertto-securestring ",
            &[
                ("", Place(1)),
                ("-String", Next),
                ("-AsPlainText", Next),
                ("-Force", Next),
            ],
        ),
        command("secrets set ", &[("", Pairs)]),
        command(
            "secret set ",
            &[("--body", Next), ("-b", Next), ("--value", Next)],
        ),
    ]
};
