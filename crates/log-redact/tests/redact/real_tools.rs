//! Output of real tools, with and without secrets.

use crate::support::check_all;

#[test]
fn output_without_secrets_is_unchanged() {
    let texts = [
        // npm
        "npm warn deprecated inflight@1.0.6: This module is not supported\nadded 1042 packages, and audited 1043 packages in 31s\n",
        "npm error code E401\nnpm error Incorrect or missing password.\nnpm error If you were trying to login, change your password, create an\nnpm error authentication token or enable two-factor authentication then\n",
        "├── jsonwebtoken@9.0.2\n├── cookie@0.6.0\n├── csrf-token@1.0.0\n└── passport-auth-token@1.0.1\n",
        // git
        "remote: Support for password authentication was removed on August 13, 2021.\nfatal: Authentication failed for 'https://github.com/acme/web.git/'\n",
        "Cloning into '/builds/acme/web'...\nremote: Enumerating objects: 1234, done.\nHEAD is now at d670460 token: Rename the field\n",
        // docker
        "#8 sha256:4abcf20661432fb2d719aaf90656f55c287f8ca915dc1c92ec14ff61e67fbaf8 28.23MB / 28.23MB 1.2s done\n#9 exporting config sha256:d670460b4b4aece5915caf5c68d12f560a9fe3e4\n",
        "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\nLogin Succeeded\n",
        "[auth] acme/web:pull token for registry-1.docker.io\n",
        // terraform
        "  + resource \"random_password\" \"db\" {\n      + bcrypt_hash = (sensitive value)\n      + id          = (known after apply)\n      + length      = 24\n      + result      = (sensitive value)\n    }\n",
        "Error: Missing required argument: The argument \"password\" is required, but no definition was found.\n",
        // kubectl and helm
        "NAME                  TYPE                                  DATA   AGE\ndefault-token-x2x4z   kubernetes.io/service-account-token   3      10d\nsecret/db-credentials created\n",
        "    secretKeyRef:\n      name: db\n      key: password\n      optional: false\n",
        "Name:         db\nType:  Opaque\n\nData\n====\npassword:  24 bytes\ntoken:     1084 bytes\n",
        // cargo, gradle, pip, pytest
        "   Compiling secrecy v0.8.0\n   Compiling proc-macro-token-stream v1.0.0\n   Compiling cookie v0.18.1\ntest auth::tests::a_token_expires ... ok\n",
        "error: expected one of `!` or `::`, found `token`\n  --> src/main.rs:12:5\n   |\n12 |     token secret = key;\n   |           ^^^^^^ expected token: `;`\n",
        "> Task :auth:compileKotlin\n> Task :token-service:test\nBUILD SUCCESSFUL in 12s\n",
        "Collecting cryptography==42.0.5\n  Using cached tokenizers-0.15.2-cp311-cp311-manylinux_2_17_x86_64.whl (3.6 MB)\nSuccessfully installed pyjwt-2.8.0 secretstorage-3.3.3\n",
        "tests/test_auth.py::test_password_reset[token-expired] PASSED                        [ 12%]\nE       AssertionError: assert 'password' in response.text\nE       KeyError: 'token'\n",
        // ssh, gpg, openssl
        "Your identification has been saved in id_ed25519\nThe key fingerprint is:\nSHA256:aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFg ann@build\n",
        "gpg: Signature made Mon Jan  1 10:00:00 2026 UTC\ngpg:                using RSA key 4AEE18F83AFDEB23D670460B4B4AECE5915CAF5C\n",
        "Verify return code: 0 (ok)\nSession-ID: 0A1B\nTLS session ticket lifetime hint: 7200 (seconds)\n",
        // vault, aws, gcloud
        "Key                  Value\n---                  -----\ntoken_accessor       x\ntoken_duration       768h\ntoken_renewable      true\ntoken_policies       [\"root\"]\n",
        "An error occurred (ExpiredToken) when calling the PutObject operation: The provided token has expired.\n",
        "ERROR: (gcloud.auth.activate-service-account) There was a problem refreshing your current auth tokens: invalid_grant\n",
        // CI
        "Restored cache key: node-modules-Linux-d670460b4b4aece5915caf5c68d12f560a9fe3e4\nCache saved with key: npm-d670460b4b4aece5915caf5c68d12f560a9fe3e4\n",
        "Running with gitlab-runner 16.9.0 (656c1943)\n  on runner-1 t3_abcde, system ID: s_0a1b2c3d4e5f\nGetting source from Git repository\n",
        "##[group]Run actions/checkout@v4\nwith:\n  repository: acme/web\n  token: ***\n  ssh-strict: true\n",
    ];
    check_all(texts.map(|text| (text, text)));
}

#[test]
fn secrets_in_the_output_of_real_tools_are_hidden() {
    check_all([
        (
            "+ export NPM_TOKEN=abc\n+ NPM_TOKEN=abc\n",
            "+ export NPM_TOKEN=[REDACTED]\n+ NPM_TOKEN=[REDACTED]\n",
        ),
        (
            "declare -x GITHUB_TOKEN=\"abc\"\n",
            "declare -x GITHUB_TOKEN=\"[REDACTED]\"\n",
        ),
        (
            "  -H 'Authorization: Basic YW5uOmh1bnRlcjI=' \\\n",
            "  -H 'Authorization: [REDACTED]' \\\n",
        ),
        (
            "> GET /v1/x HTTP/1.1\n> authorization: Bearer abc\n> accept: */*\n",
            "> GET /v1/x HTTP/1.1\n> authorization: [REDACTED]\n> accept: */*\n",
        ),
        (
            "{\n    \"AccessKeyId\": \"ASIAZ2E0A8F3B244C998\",\n    \"SecretAccessKey\": \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\",\n    \"SessionToken\": \"IQoJb3JpZ2luX2Vj\"\n}\n",
            "{\n    \"AccessKeyId\": \"[REDACTED]\",\n    \"SecretAccessKey\": \"[REDACTED]\",\n    \"SessionToken\": \"[REDACTED]\"\n}\n",
        ),
        (
            "token                hvs.CAESIJ8K3n0QmW7x2Yb5Rt9Lp4Vd6Zs1\n",
            "token                [REDACTED]\n",
        ),
        (
            "            \"Env\": [\"POSTGRES_PASSWORD=abc\", \"PATH=/bin\"],\n",
            "            \"Env\": [\"POSTGRES_PASSWORD=[REDACTED]\", \"PATH=/bin\"],\n",
        ),
        (
            "      POSTGRES_PASSWORD: abc\n",
            "      POSTGRES_PASSWORD: [REDACTED]\n",
        ),
        (
            "  password: aHVudGVyMg==\n  username: YW5u\n",
            "  password: [REDACTED]\n  username: YW5u\n",
        ),
        (
            "helm install x --set db.password=abc,db.user=ann\n",
            "helm install x --set db.password=[REDACTED],db.user=ann\n",
        ),
        (
            "kubectl create secret generic db --from-literal=password=abc\n",
            "kubectl create secret generic db --from-literal=password=[REDACTED]\n",
        ),
        (
            "Using generated security password: 8a1f2b3c-4d5e-6f70-8192-a3b4c5d6e7f8\n",
            "Using generated security password: [REDACTED]\n",
        ),
        (
            "spring.datasource.password=abc\n",
            "spring.datasource.password=[REDACTED]\n",
        ),
        (
            "E       requests.exceptions.HTTPError: 401 for url: https://api.x.io/v1?api_key=abc&q=1\n",
            "E       requests.exceptions.HTTPError: 401 for url: https://api.x.io/v1?api_key=[REDACTED]&q=1\n",
        ),
        (
            "remote: https://oauth2:glpat-x9Jm2Kq4Lw8Zr5Tn7Vb1@gitlab.com/acme/web.git\n",
            "remote: https://oauth2:[REDACTED]@gitlab.com/acme/web.git\n",
        ),
        (
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aB3d==;EndpointSuffix=x\n",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=[REDACTED];EndpointSuffix=x\n",
        ),
        (
            "    \"identitytoken\": \"abc\"\n",
            "    \"identitytoken\": \"[REDACTED]\"\n",
        ),
    ]);
}
