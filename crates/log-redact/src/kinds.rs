//! The kinds of tokens that are known by their beginning.
//!
//! Prefixes and lengths are those that the providers document, compared with the public rule lists of gitleaks and
//! trufflehog. Minimum lengths are smaller than the documented ones, because a provider may change its tokens.

/// A kind of token: a prefix, then a run of characters.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Who gives such tokens.
    pub(crate) provider: &'static str,
    /// The beginning. It is public, but it is hidden with the rest.
    pub(crate) prefix: &'static str,
    pub(crate) alphabet: Alphabet,
    /// The minimum number of characters after the prefix.
    pub(crate) min: usize,
    /// What else the characters must have, because the prefix also occurs in ordinary text.
    pub(crate) proof: Proof,
}

/// The prefixes of all tokens that are known by their beginning, each with who gives such tokens.
pub fn known_tokens() -> impl Iterator<Item = (&'static str, &'static str)> {
    KINDS.iter().map(|kind| (kind.provider, kind.prefix))
}

/// The texts inside of all tokens that are known by a part in their middle or at their end, each with who gives such tokens.
pub fn known_marks() -> impl Iterator<Item = (&'static str, &'static str)> {
    MARKED.iter().map(|kind| (kind.provider, kind.mark))
}

/// A kind of token that is known by a text inside of it: a run of characters, the text, and another run.
#[derive(Debug)]
pub(crate) struct Marked {
    /// Who gives such tokens.
    pub(crate) provider: &'static str,
    pub(crate) mark: &'static str,
    /// The run before the text, with its shortest and its greatest length.
    pub(crate) before: (Alphabet, usize, usize),
    /// The run behind it.
    pub(crate) after: (Alphabet, usize, usize),
}

/// The characters of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// `0–9`
    Digits,
    /// `0–9 a–f A–F`
    Hex,
    /// `A–Z 0–9`
    Upper,
    /// `A–Z 0–9 -`
    UpperUrl,
    /// `A–Z a–z 0–9`
    Plain,
    /// `A–Z a–z 0–9 _`
    Word,
    /// `A–Z a–z 0–9 _ -`
    Url,
    /// `A–Z a–z 0–9 _ - .`
    Dotted,
    /// `A–Z a–z 0–9 _ - . ~`
    Tilde,
    /// `A–Z a–z 0–9 _ - . + / =`
    Base64,
}

/// What a text must contain to be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing, the length is enough.
    Length,
    /// A digit, because names of files and classes may begin like this as well.
    Digit,
    /// A dot with text on both sides, as between the parts of a JWT.
    Dot,
    /// Exactly the minimum length.
    Exact,
    /// Exactly the minimum length, with a digit.
    ExactDigit,
    /// Exactly the minimum length, with capital and small letters and digits.
    Mixed,
    /// Parts of these lengths, with dots between them.
    Parts(&'static [usize]),
    /// Parts of these lengths, with `_` between them, and a digit.
    Joined(&'static [usize]),
    /// The five groups of a UUID.
    Uuid,
}

impl Alphabet {
    pub(crate) const fn has(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::UpperUrl => byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-',
            Self::Plain => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Tilde => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~')
            }
            Self::Base64 => {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'=')
            }
        }
    }
}

impl Kind {
    /// Whether the characters after the prefix make a token.
    pub(crate) fn accepts(&self, run: &[u8]) -> bool {
        if run.len() < self.min {
            return false;
        }
        match self.proof {
            Proof::Length => true,
            Proof::Digit => run.iter().any(u8::is_ascii_digit),
            Proof::Dot => {
                let mut parts = run.split(|byte| *byte == b'.').map(<[u8]>::len);
                parts.next().is_some_and(|len| len > 0) && parts.next().is_some_and(|len| len > 0)
            }
            Proof::Exact => run.len() == self.min,
            Proof::ExactDigit => run.len() == self.min && run.iter().any(u8::is_ascii_digit),
            Proof::Mixed => {
                let has = |is: fn(&u8) -> bool| run.iter().any(is);
                run.len() == self.min
                    && has(u8::is_ascii_digit)
                    && has(u8::is_ascii_lowercase)
                    && has(u8::is_ascii_uppercase)
            }
            Proof::Parts(lengths) => {
                let parts = run.split(|byte| *byte == b'.').map(<[u8]>::len);
                parts.eq(lengths.iter().copied())
            }
            Proof::Joined(lengths) => {
                let parts = run.split(|byte| *byte == b'_').map(<[u8]>::len);
                parts.eq(lengths.iter().copied()) && run.iter().any(u8::is_ascii_digit)
            }
            Proof::Uuid => {
                let groups = run.split(|byte| *byte == b'-');
                let is_hex = |group: &[u8]| group.iter().all(u8::is_ascii_hexdigit);
                groups.clone().map(<[u8]>::len).eq([8, 4, 4, 4, 12]) && groups.clone().all(is_hex)
            }
        }
    }
}

const fn kind(
    provider: &'static str,
    prefix: &'static str,
    alphabet: Alphabet,
    min: usize,
    proof: Proof,
) -> Kind {
    Kind {
        provider,
        prefix,
        alphabet,
        min,
        proof,
    }
}

/// All known kinds. The table in `HIDDEN.md` is checked against this list.
#[rustfmt::skip]
pub(crate) const KINDS: &[Kind] = {
    use Alphabet::{Base64, Dotted, Hex, Plain, Upper, UpperUrl, Url, Word};
    use Proof::{Digit, Dot, Exact, ExactDigit, Joined, Length, Mixed, Parts, Uuid};
    &[
        kind("JSON web token", "eyJ", Dotted, 20, Dot),
        kind("JSON web token", "ZXlK", Base64, 60, Digit),
        kind("1Password", "ops_eyJ", Base64, 40, Length),
        kind("1Password", "A3-", UpperUrl, 34, Digit),
        kind("42 Intra", "s-s4t2", Url, 60, Digit),
        kind("Adafruit", "aio_", Plain, 28, Exact),
        kind("Adobe", "p8e-", Plain, 32, Exact),
        kind("Aiven", "AVNS_", Url, 18, Digit),
        kind("age", "AGE-SECRET-KEY-", Upper, 20, Digit),
        kind("Airtable", "pat", Dotted, 79, Parts(&[14, 64])),
        kind("Alibaba Cloud", "LTAI", Plain, 16, Digit),
        kind("Anthropic", "sk-ant-", Url, 12, Length),
        kind("Apify", "apify_api_", Plain, 30, Length),
        kind("Artifactory", "AKCp", Plain, 60, Length),
        kind("Artifactory", "cmVmd", Plain, 59, Exact),
        kind("Atlassian", "ATATT3", Base64, 40, Length),
        kind("Atlassian", "ATCTT3", Base64, 40, Length),
        kind("AWS", "AKIA", Upper, 16, Exact),
        kind("AWS", "ASIA", Upper, 16, Exact),
        kind("AWS", "ABIA", Upper, 16, Exact),
        kind("AWS", "ACCA", Upper, 16, Exact),
        kind("AWS", "A3T", Upper, 17, ExactDigit),
        kind("AWS Bedrock", "ABSK", Base64, 60, Digit),
        kind("AWS Bedrock", "bedrock-api-key-", Base64, 40, Length),
        kind("AWS registry", "eyJwYXlsb2FkIjoi", Base64, 80, Digit),
        kind("Bannerbear", "bb_pr_", Hex, 30, Exact),
        kind("Bannerbear", "bb_ma_", Hex, 30, Exact),
        kind("Bitbucket", "ATBB", Plain, 24, Digit),
        kind("Bitbucket", "BBDC-", Base64, 40, Length),
        kind("Brevo", "xsmtpsib-", Url, 60, Digit),
        kind("Buildkite", "bkua_", Hex, 32, Length),
        kind("CircleCI", "CCIPAT_", Word, 30, Digit),
        kind("CircleCI", "CCIPRJ_", Word, 30, Digit),
        kind("ClickHouse", "4b1d", Plain, 38, Exact),
        kind("Clojars", "CLOJARS_", Plain, 40, Length),
        kind("Cloudflare", "v1.0-", Url, 100, Digit),
        kind("Cloudflare", "cfut_", Plain, 40, Digit),
        kind("Cloudflare", "cfat_", Plain, 40, Digit),
        kind("Cloudflare", "cfk_", Plain, 40, Digit),
        kind("Contentful", "CFPAT-", Url, 32, Length),
        kind("crates.io", "cio", Plain, 32, Mixed),
        kind("crates.io", "cio_tp_", Plain, 30, Digit),
        kind("Databricks", "dapi", Hex, 32, Length),
        kind("Defined Networking", "dnkey-", Url, 60, Digit),
        kind("Deno Deploy", "ddp_", Plain, 36, Exact),
        kind("Deno Deploy", "ddw_", Plain, 36, Exact),
        kind("DigitalOcean", "dop_v1_", Hex, 32, Length),
        kind("DigitalOcean", "doo_v1_", Hex, 32, Length),
        kind("DigitalOcean", "dor_v1_", Hex, 32, Length),
        kind("Docker", "dckr_pat_", Url, 16, Length),
        kind("Docker", "dckr_oat_", Url, 16, Length),
        kind("Docker Swarm", "SWMTKN-1-", Url, 40, Length),
        kind("Doppler", "dp.pt.", Dotted, 30, Length),
        kind("Doppler", "dp.st.", Dotted, 30, Length),
        kind("Doppler", "dp.ct.", Dotted, 30, Length),
        kind("Doppler", "dp.sa.", Dotted, 30, Length),
        kind("Doppler", "dp.scim.", Dotted, 30, Length),
        kind("Doppler", "dp.audit.", Dotted, 30, Length),
        kind("Dropbox", "sl.", Dotted, 60, Digit),
        kind("Duffel", "duffel_live_", Url, 30, Length),
        kind("Duffel", "duffel_test_", Url, 30, Length),
        kind("Dynatrace", "dt0c01.", Dotted, 40, Length),
        kind("EasyPost", "EZAK", Plain, 54, Exact),
        kind("EasyPost", "EZTK", Plain, 54, Exact),
        kind("ElevenLabs", "sk_", Hex, 48, Exact),
        kind("Endor Labs", "endr+", Url, 16, Exact),
        kind("Facebook", "EAAC", Plain, 100, Digit),
        kind("Facebook", "EAAM", Plain, 100, Digit),
        kind("Figma", "figd_", Url, 30, Length),
        kind("Figma", "figp_", Url, 30, Digit),
        kind("Flutterwave", "FLWSECK", Url, 18, Digit),
        kind("Fly.io", "fm2_", Base64, 60, Length),
        kind("Fly.io", "fo1_", Url, 40, Length),
        kind("Fly.io", "fm1a_", Base64, 60, Length),
        kind("Fly.io", "fm1r_", Base64, 60, Length),
        kind("Frame.io", "fio-u-", Url, 40, Length),
        kind("GitHub", "ghp_", Plain, 20, Length),
        kind("GitHub", "gho_", Plain, 20, Length),
        kind("GitHub", "ghu_", Plain, 20, Length),
        kind("GitHub", "ghs_", Dotted, 20, Length),
        kind("GitHub", "ghr_", Plain, 20, Length),
        kind("GitHub", "github_pat_", Word, 20, Length),
        kind("GitLab", "glpat-", Dotted, 16, Length),
        kind("GitLab", "gldt-", Dotted, 16, Length),
        kind("GitLab", "glcbt-", Url, 16, Length),
        kind("GitLab", "glptt-", Url, 16, Length),
        kind("GitLab", "glrt-", Dotted, 16, Length),
        kind("GitLab", "glrtr-", Dotted, 16, Length),
        kind("GitLab", "glft-", Url, 16, Length),
        kind("GitLab", "glimt-", Url, 16, Length),
        kind("GitLab", "glagent-", Url, 32, Length),
        kind("GitLab", "gloas-", Url, 32, Length),
        kind("GitLab", "glsoat-", Url, 16, Length),
        kind("GitLab", "glffct-", Url, 16, Length),
        kind("GitLab", "glwt-", Url, 16, Length),
        kind("GitLab", "GR1348941", Url, 16, Length),
        kind("GitLab", "_gitlab_session=", Plain, 32, Exact),
        kind("Google", "AIza", Url, 30, Length),
        kind("Google", "GOCSPX-", Url, 20, Length),
        kind("Google", "ya29.", Dotted, 20, Digit),
        kind("Grafana", "glsa_", Word, 32, Digit),
        kind("Grafana", "glc_", Base64, 32, Length),
        kind("Grafana", "eyJrIjoi", Base64, 60, Length),
        kind("Groq", "gsk_", Plain, 40, Digit),
        kind("Harness", "pat.", Dotted, 68, Parts(&[22, 24, 20])),
        kind("Harness", "sat.", Dotted, 68, Parts(&[22, 24, 20])),
        kind("HashiCorp Vault", "hvs.", Url, 20, Digit),
        kind("HashiCorp Vault", "hvb.", Url, 40, Length),
        kind("HashiCorp Vault", "hvr.", Url, 40, Length),
        kind("HashiCorp Vault", "s.", Plain, 24, Mixed),
        kind("Heroku", "HRKU-", Url, 32, Digit),
        kind("HubSpot", "pat-na1-", Url, 36, Uuid),
        kind("HubSpot", "pat-eu1-", Url, 36, Uuid),
        kind("Hugging Face", "hf_", Plain, 30, Length),
        kind("Hugging Face", "api_org_", Plain, 30, Length),
        kind("Infracost", "ico-", Plain, 32, Exact),
        kind("joblog", "jlk_", Word, 40, Digit),
        kind("LangSmith", "lsv2_pt_", Word, 40, Digit),
        kind("LangSmith", "lsv2_sk_", Word, 40, Digit),
        kind("LaunchDarkly", "sdk-", Url, 36, Uuid),
        kind("Linear", "lin_api_", Plain, 20, Length),
        kind("Linear", "lin_oauth_", Plain, 20, Length),
        kind("MongoDB Atlas", "mdb_sa_sk_", Url, 30, Digit),
        kind("Netlify", "nfp_", Plain, 30, Length),
        kind("New Relic", "NRAK-", Plain, 20, Digit),
        kind("New Relic", "NRJS-", Plain, 19, Digit),
        kind("New Relic", "NRII-", Url, 25, Digit),
        kind("New Relic", "NRIQ-", Url, 25, Digit),
        kind("Notion", "ntn_", Plain, 24, Digit),
        kind("Notion", "secret_", Plain, 43, Exact),
        kind("npm", "npm_", Plain, 30, Length),
        kind("NuGet", "oy2", Plain, 43, Exact),
        kind("NVIDIA", "nvapi-", Url, 60, Length),
        kind("Octopus Deploy", "API-", Upper, 26, ExactDigit),
        kind("OpenAI and others", "sk-", Url, 20, Digit),
        kind("OpenShift", "sha256~", Url, 40, Digit),
        kind("Packagist", "packagist_", Word, 60, Digit),
        kind("Perplexity", "pplx-", Plain, 40, Digit),
        kind("Pinecone", "pcsk_", Word, 60, Digit),
        kind("Plaid", "access-sandbox-", Url, 36, Uuid),
        kind("Plaid", "access-development-", Url, 36, Uuid),
        kind("Plaid", "access-production-", Url, 36, Uuid),
        kind("PlanetScale", "pscale_tkn_", Dotted, 30, Length),
        kind("PlanetScale", "pscale_pw_", Dotted, 30, Length),
        kind("PlanetScale", "pscale_oauth_", Dotted, 30, Length),
        kind("PostHog", "phx_", Plain, 30, Digit),
        kind("Postman", "PMAK-", Url, 30, Digit),
        kind("Prefect", "pnu_", Plain, 30, Digit),
        kind("Pulumi", "pul-", Hex, 40, Length),
        kind("PyPI", "pypi-", Url, 32, Digit),
        kind("Ramp", "ramp_sec_", Plain, 48, Digit),
        kind("ReadMe", "rdme_", Plain, 40, Digit),
        kind("Render", "rnd_", Plain, 28, Digit),
        kind("Replicate", "r8_", Plain, 30, Digit),
        kind("Resend", "re_", Word, 33, Joined(&[8, 24])),
        kind("Rootly", "rootly_", Hex, 64, Length),
        kind("RubyGems", "rubygems_", Hex, 32, Length),
        kind("Salesforce", "5AEP861", Base64, 80, Length),
        kind("Scalingo", "tk-us-", Url, 40, Digit),
        kind("SendGrid", "SG.", Dotted, 40, Dot),
        kind("Sendinblue", "xkeysib-", Url, 60, Digit),
        kind("Sentry", "sntrys_", Base64, 40, Digit),
        kind("Sentry", "sntryu_", Hex, 40, Length),
        kind("SettleMint", "sm_aat_", Plain, 16, Exact),
        kind("SettleMint", "sm_pat_", Plain, 16, Exact),
        kind("SettleMint", "sm_sat_", Plain, 16, Exact),
        kind("Shippo", "shippo_live_", Hex, 32, Length),
        kind("Shippo", "shippo_test_", Hex, 32, Length),
        kind("Shopify", "shpat_", Hex, 24, Length),
        kind("Shopify", "shpca_", Hex, 24, Length),
        kind("Shopify", "shppa_", Hex, 24, Length),
        kind("Shopify", "shpss_", Hex, 24, Length),
        kind("Slack", "xoxa-", Url, 10, Length),
        kind("Slack", "xoxb-", Url, 10, Length),
        kind("Slack", "xoxc-", Url, 10, Digit),
        kind("Slack", "xoxd-", Base64, 20, Digit),
        kind("Slack", "xoxo-", Url, 10, Digit),
        kind("Slack", "xoxp-", Url, 10, Length),
        kind("Slack", "xoxr-", Url, 10, Length),
        kind("Slack", "xoxs-", Url, 10, Length),
        kind("Slack", "xoxe", Dotted, 16, Digit),
        kind("Slack", "xapp-", Url, 16, Length),
        kind("SonarQube", "squ_", Hex, 40, Exact),
        kind("SonarQube", "sqp_", Hex, 40, Exact),
        kind("SonarQube", "sqa_", Hex, 40, Exact),
        kind("Sourcegraph", "sgp_", Word, 32, Digit),
        kind("Sourcegraph", "slk_", Hex, 64, Length),
        kind("Square", "sq0atp-", Url, 20, Length),
        kind("Square", "sq0csp-", Url, 32, Length),
        kind("Square", "EAAA", Url, 56, Digit),
        kind("Stripe", "sk_live_", Word, 16, Length),
        kind("Stripe", "sk_test_", Word, 16, Length),
        kind("Stripe", "rk_live_", Word, 16, Length),
        kind("Stripe", "rk_test_", Word, 16, Length),
        kind("Stripe", "sk_prod_", Word, 16, Length),
        kind("Stripe", "rk_prod_", Word, 16, Length),
        kind("Stripe, Clerk, Svix", "whsec_", Base64, 16, Length),
        kind("Supabase", "sbp_", Hex, 24, Length),
        kind("Supabase", "sb_secret_", Url, 20, Length),
        kind("Tailscale", "tskey-", Url, 20, Digit),
        kind("Terraform Cloud", "atlasv1.", Dotted, 40, Length),
        kind("Trello", "ATTA", Plain, 60, Digit),
        kind("Twilio", "SK", Hex, 32, Exact),
        kind("Typeform", "tfp_", Dotted, 40, Digit),
        kind("Voiceflow", "VF.DM.", Dotted, 40, Digit),
        kind("Voiceflow", "VF.WS.", Dotted, 40, Digit),
        kind("xAI", "xai-", Plain, 60, Digit),
        kind("Xendit", "xnd_production_", Word, 40, Digit),
        kind("Yandex", "AQVN", Url, 35, Digit),
    ]
};

/// All known kinds with a text inside. The table in `HIDDEN.md` is checked against this list.
#[rustfmt::skip]
pub(crate) const MARKED: &[Marked] = {
    use Alphabet::{Base64, Digits, Dotted, Hex, Plain, Tilde, Url, Word};
    &[
        Marked { provider: "Authress", mark: ".acc_", before: (Dotted, 12, 45), after: (Base64, 41, 160) },
        Marked { provider: "Authress", mark: ".acc-", before: (Dotted, 12, 45), after: (Base64, 41, 160) },
        Marked { provider: "Azure", mark: "Q~", before: (Tilde, 4, 4), after: (Tilde, 31, 34) },
        Marked { provider: "Azure DevOps", mark: "AZDO", before: (Plain, 75, 76), after: (Plain, 4, 5) },
        Marked { provider: "Azure Container Registry", mark: "+ACR", before: (Base64, 42, 42), after: (Plain, 6, 6) },
        Marked { provider: "Mailchimp", mark: "-us", before: (Hex, 32, 32), after: (Digits, 1, 2) },
        Marked { provider: "MaxMind", mark: "_mmk", before: (Word, 36, 36), after: (Word, 0, 0) },
        Marked { provider: "New Relic", mark: "FFFFNRAL", before: (Hex, 32, 32), after: (Plain, 0, 0) },
        Marked { provider: "Telegram", mark: ":AA", before: (Digits, 6, 12), after: (Url, 33, 33) },
    ]
};
