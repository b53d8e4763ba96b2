//! Tokens that are known by their beginning.

use crate::support::{JWT, check, check_same};

const HEX: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
const MIXED: &str = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6";

#[test]
fn provider_tokens_are_hidden_by_their_prefix() {
    for token in [
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a".to_owned(),
        "github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567".to_owned(),
        "glpat-x9Jm2Kq4Lw8Zr5Tn7Vb1".to_owned(),
        "gldt-x9Jm2Kq4Lw8Zr5Tn7Vb1".to_owned(),
        "glcbt-64_x9Jm2Kq4Lw8Zr5Tn7Vb1".to_owned(),
        format!("glptt-{HEX}01234567"),
        "sk-9aXbYcZ8dWeVfUgThSiRjQkPlOmNnMoLpKqJrIsHtGuFv1".to_owned(),
        "sk-proj-4fGh_2kLm-9nOp_7qRs".to_owned(),
        "sk-ant-api03-Zx8Cv7Bn6Mq5We4Rt3Yu2-AA".to_owned(),
        "AKIA2E0A8F3B244C9986".to_owned(),
        "xoxb-2468013579-8642097531-QwErTyUiOpAsDfGh".to_owned(),
        "xoxe.xoxp-1-Mi0yLTk4NzY1NDMyMTA".to_owned(),
        "npm_8uYt6rEw4qAs2dFg0hJk1lZx3cVb5nMq7wPo".to_owned(),
        "pypi-AgEIcHlwaS5vcmcCJGFiY2RlZjAxLTIzNDUtNjc4OQ".to_owned(),
        "hvs.CAESIJ8K3n0QmW7x2Yb5Rt9Lp4Vd6Zs1".to_owned(),
        "dckr_pat_x9Jm2Kq4Lw8Zr5Tn7Vb1aB3dE6g".to_owned(),
        "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".to_owned(),
        "ya29.a0AfH6SMBx9Jm2Kq4Lw8Zr5Tn7Vb1".to_owned(),
        "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".to_owned(),
        format!("shpat_{HEX}"),
        format!("dop_v1_{HEX}{HEX}"),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        "glsa_x9Jm2Kq4Lw8Zr5Tn7Vb1aB3dE6gH9jK2_0a1b2c3d".to_owned(),
        format!("lin_api_{MIXED}aB3d"),
        format!("ntn_123456{MIXED}"),
        format!("sbp_{HEX}01234567"),
        format!("rubygems_{HEX}0123456789abcdef"),
        "AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE".to_owned(),
        format!("dapi{HEX}"),
        "AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q".to_owned(),
        "hf_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3h".to_owned(),
        "jlk_a1b2c3d4_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6aB3dE6g_x1y2z3".to_owned(),
    ] {
        check_hidden(&token);
    }
}

#[test]
fn tokens_of_further_providers_are_hidden() {
    for token in [
        format!("aio_{}", &MIXED[..28]),
        format!("apify_api_{MIXED}"),
        format!("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t{MIXED}"),
        format!("4b1d{MIXED}aB"),
        format!("cfut_{MIXED}aB3d{}", &HEX[..8]),
        format!("dp.sa.{MIXED}aB3dE6g"),
        format!("endr+{}", &MIXED[..16]),
        format!("figp_{MIXED}aB3dE6gH9j"),
        format!("fm1r_{MIXED}{MIXED}/{MIXED}=="),
        format!("eyJrIjoi{MIXED}{MIXED}="),
        format!("pat.{}.{}.{}", &MIXED[..22], &MIXED[..24], &MIXED[..20]),
        "s.aB3dE6gH9jK2mN5pQ8sT1vW4".to_owned(),
        "pat-na1-8a1f2b3c-4d5e-6f70-8192-a3b4c5d6e7f8".to_owned(),
        format!("ico-{}", &MIXED[..32]),
        format!("ZXlK{MIXED}{MIXED}{MIXED}"),
        format!("lsv2_pt_{HEX}_0a1b2c3d4e"),
        "sdk-8a1f2b3c-4d5e-4f70-8192-a3b4c5d6e7f8".to_owned(),
        format!("NRII-{}", &MIXED[..25]),
        format!("secret_{MIXED}aB3dE6g"),
        format!("nvapi-{MIXED}{}", &MIXED[..28]),
        format!("sha256~{MIXED}aB3dE6g"),
        format!("pcsk_aB3dE_{MIXED}{}", &MIXED[..27]),
        "access-production-8a1f2b3c-4d5e-6f70-8192-a3b4c5d6e7f8".to_owned(),
        format!("rootly_{HEX}{HEX}"),
        format!("tk-us-{MIXED}{}", &MIXED[..12]),
        format!("sm_pat_{}", &MIXED[..16]),
        format!("sk_prod_{MIXED}"),
        format!("pat{}.{HEX}{HEX}", &MIXED[..14]),
        format!("s-s4t2ud-{HEX}{HEX}"),
        "A3TC6UK7ZAY4KXDXW4PT".to_owned(),
        "FLWSECK_TEST-f9186f4a12dd".to_owned(),
        format!("sk_{HEX}{}", &HEX[..16]),
        format!("5AEP861{MIXED}{MIXED}{MIXED}"),
        format!("xoxo-123456789012-{MIXED}"),
        format!("slk_{HEX}{HEX}"),
        format!("sc_mwx6w.xvhlyc.acc-ndptuzpxdosamgiox6r.{MIXED}"),
        format!("AQVN{MIXED}"),
        // Those that are known by a text inside.
        format!("abc8Q~{}", &MIXED[..32]),
        format!("{MIXED}aB3dE6+ACRaB3dE6"),
        format!("{HEX}-us12"),
        format!("aB3dE6_{}_mmk", &MIXED[..29]),
        format!("{HEX}FFFFNRAL"),
        format!("123456789:AA{}", &MIXED[..33]),
        JWT.to_owned(),
    ] {
        check_hidden(&token);
    }
}

/// Checks that a token is hidden wherever it stands.
fn check_hidden(token: &str) {
    check(&format!("token {token}, ok\n"), "token [REDACTED], ok\n");
    check(&format!("{token}\n"), "[REDACTED]\n");
    check(
        &format!("a sentence with {token}.\n"),
        "a sentence with [REDACTED].\n",
    );
    check(&format!("\"x\\n{token}\\n\"\n"), "\"x\\n[REDACTED]\\n\"\n");
    check(
        &format!("https://{token}@example.org/x\n"),
        "https://[REDACTED]@example.org/x\n",
    );
}

#[test]
fn text_that_only_begins_like_a_token_is_shown() {
    for text in [
        "a desk-shaped task-runner and sk-circle sk-fading-circle-spinner\n",
        "pat.terns of pathological paths, patched s.getElementsByTagName s.substring2IsNotATokenAtAll1\n",
        "sdk-8a1f2b3c-4d5e secret_name secret_key_ref pat-na1-x ico-128x128 NRII-x sm_pat_short\n",
        "us-east-1 d670460b4b4aece5915caf5c68d12f56-us-east x-us12 Q~ 12:AA:bb:cc 00:AA0123 a_mmk +ACR\n",
        "sha256:4abcf20661432fb2d719aaf90656f55c287f8ca915dc1c92ec14ff61e67fbaf8 4b1d0460b4b4aece5915caf5c68d12f560a9fe3e4\n",
        "sdk-build-linux-x86-64-for-the-ci-of-v2 access-sandbox-mode is on, access-production-logs-of-the-last-36-days\n",
        "npm_config_registry and npm_package_dependencies_something_very_long\n",
        "pypi-attestations ghp_short AKIA xoxb-\n",
        "MYGHP_16C7e42F292c6912E7710c838347Ae178B4a\n",
        "the keys eyJ and eyJhbGciOiJIUzI1NiJ9 have no dot behind\n",
        "SG.something and hvs.get_the_next_value_of_it dapi rubygems_version\n",
        "AKIAIOSFODNN7EXAMPLEANDMORE is too long\n",
        "debug2: host key algorithms: ssh-ed25519,sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com\n",
        "sk_count_of_all sk_0a1b2c slk_ A3TOKEN A3THIS_IS_NONE s-s4t2 FLWSECK_TEST x.acc_ a_b.c.acc-d\n",
        "glsa_count_of_all_the_things_in_the_house_of_mine\n",
    ] {
        check_same(text);
    }
}

#[test]
fn the_address_of_a_webhook_is_hidden() {
    check(
        "POST https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX ok\n",
        "POST https://hooks.slack.com/services/[REDACTED] ok\n",
    );
    check(
        "'https://discord.com/api/webhooks/123456789012345678/aBcDeFgHiJkLmNoPqRsTuVwXyZ-0123456789_aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567'\n",
        "'https://discord.com/api/webhooks/[REDACTED]'\n",
    );
    check(
        "POST https://acme.webhook.office.com/webhookb2/8a1f2b3c-4d5e-6f70-8192-a3b4c5d6e7f8@8a1f2b3c-4d5e-6f70-8192-a3b4c5d6e7f8/IncomingWebhook/0a1b/2c ok\n",
        "POST https://acme.webhook.office.com/webhookb2/[REDACTED] ok\n",
    );
    check_same("see https://hooks.slack.com/services/ for more\n");
}

#[test]
fn credentials_of_a_scheme_are_hidden_without_the_name_of_a_header() {
    check("-> Bearer x9Jm2Kq4Lw8Zr5Tn7Vb1\n", "-> Bearer [REDACTED]\n");
    check("sent Basic YW5uOmh1bnRlcjI=\n", "sent Basic [REDACTED]\n");
    check_same("Basic authentication and Bearer authentication are supported\n");
    check_same(
        "WWW-Authenticate: Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"\n",
    );
}
