//! What build tools, CI services and command lines print, with and without secrets.

use crate::support::check_all;

#[test]
fn secrets_are_hidden_wherever_tools_print_them() {
    check_all(HIDDEN.iter().copied());
}

const HIDDEN: &[(&str, &str)] = &[
    (
        "web-1  | ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "web-1  | [REDACTED]",
    ),
    (
        "web-1  | DB_PASSWORD=hunter2",
        "web-1  | DB_PASSWORD=[REDACTED]",
    ),
    (
        "web-1  | password: hunter2",
        "web-1  | password: [REDACTED]",
    ),
    (
        "2026-11-29T21:30:00.1234567Z ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "2026-11-29T21:30:00.1234567Z [REDACTED]",
    ),
    (
        "2026-11-29T21:30:00.1234567Z DB_PASSWORD=hunter2",
        "2026-11-29T21:30:00.1234567Z DB_PASSWORD=[REDACTED]",
    ),
    (
        "2026-11-29T21:30:00.1234567Z password: hunter2",
        "2026-11-29T21:30:00.1234567Z password: [REDACTED]",
    ),
    (
        "Nov 29 21:30:00 host app[1]: ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "Nov 29 21:30:00 host app[1]: [REDACTED]",
    ),
    (
        "Nov 29 21:30:00 host app[1]: DB_PASSWORD=hunter2",
        "Nov 29 21:30:00 host app[1]: DB_PASSWORD=[REDACTED]",
    ),
    (
        "Nov 29 21:30:00 host app[1]: password: hunter2",
        "Nov 29 21:30:00 host app[1]: password: [REDACTED]",
    ),
    (
        "[pod/web/app] ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "[pod/web/app] [REDACTED]",
    ),
    (
        "[pod/web/app] DB_PASSWORD=hunter2",
        "[pod/web/app] DB_PASSWORD=[REDACTED]",
    ),
    (
        "[pod/web/app] password: hunter2",
        "[pod/web/app] password: [REDACTED]",
    ),
    (
        "#12 3.456 ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "#12 3.456 [REDACTED]",
    ),
    (
        "#12 3.456 DB_PASSWORD=hunter2",
        "#12 3.456 DB_PASSWORD=[REDACTED]",
    ),
    (
        "#12 3.456 password: hunter2",
        "#12 3.456 password: [REDACTED]",
    ),
    (
        "10:00:01 DEBUG [main] o.a.http.wire - >> \"ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "10:00:01 DEBUG [main] o.a.http.wire - >> \"[REDACTED]",
    ),
    (
        "10:00:01 DEBUG [main] o.a.http.wire - >> \"DB_PASSWORD=hunter2",
        "10:00:01 DEBUG [main] o.a.http.wire - >> \"DB_PASSWORD=[REDACTED]",
    ),
    (
        "10:00:01 DEBUG [main] o.a.http.wire - >> \"password: hunter2",
        "10:00:01 DEBUG [main] o.a.http.wire - >> \"password: [REDACTED]",
    ),
    (
        "E   ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "E   [REDACTED]",
    ),
    ("E   DB_PASSWORD=hunter2", "E   DB_PASSWORD=[REDACTED]"),
    ("E   password: hunter2", "E   password: [REDACTED]"),
    (
        "remote: ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "remote: [REDACTED]",
    ),
    (
        "remote: DB_PASSWORD=hunter2",
        "remote: DB_PASSWORD=[REDACTED]",
    ),
    ("remote: password: hunter2", "remote: password: [REDACTED]"),
    ("\tghp_16C7e42F292c6912E7710c838347Ae178B4a", "\t[REDACTED]"),
    ("\tDB_PASSWORD=hunter2", "\tDB_PASSWORD=[REDACTED]"),
    ("\tpassword: hunter2", "\tpassword: [REDACTED]"),
    (
        "npm error ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "npm error [REDACTED]",
    ),
    (
        "npm error DB_PASSWORD=hunter2",
        "npm error DB_PASSWORD=[REDACTED]",
    ),
    (
        "npm error password: hunter2",
        "npm error password: [REDACTED]",
    ),
    (
        "[stdout] ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "[stdout] [REDACTED]",
    ),
    (
        "[stdout] DB_PASSWORD=hunter2",
        "[stdout] DB_PASSWORD=[REDACTED]",
    ),
    (
        "[stdout] password: hunter2",
        "[stdout] password: [REDACTED]",
    ),
    ("::add-mask::hunter2hunter", "::add-mask::[REDACTED]"),
    (
        "::set-output name=api_token::abc-def",
        "::set-output name=api_token::[REDACTED]",
    ),
    (
        "##vso[task.setvariable variable=DB_PASSWORD;issecret=true]hunter2",
        "##vso[task.setvariable variable=DB_PASSWORD;issecret=true][REDACTED]",
    ),
    (
        "##vso[task.setsecret]hunter2",
        "##vso[task.setsecret][REDACTED]",
    ),
    (
        "      + password                          = \"hunter2\"",
        "      + password                          = \"[REDACTED]\"",
    ),
    (
        "      ~ secret_string = \"old-one\" -> \"new-one\" # forces",
        "      ~ secret_string = \"[REDACTED]\" -> \"[REDACTED]\" # forces",
    ),
    (
        "        \"SecretString\": \"hunter2\",",
        "        \"SecretString\": \"[REDACTED]\",",
    ),
    ("db_password = \"hunter2\"", "db_password = \"[REDACTED]\""),
    (
        "export TF_VAR_db_password=hunter2",
        "export TF_VAR_db_password=[REDACTED]",
    ),
    (
        "ok: [web1] => {\"changed\": false, \"password\": \"hunter2\"}",
        "ok: [web1] => {\"changed\": false, \"password\": \"[REDACTED]\"}",
    ),
    (
        "ansible_become_pass: hunter2",
        "ansible_become_pass: [REDACTED]",
    ),
    (
        "host ansible_host=1.2.3.4 ansible_ssh_pass=hunter2",
        "host ansible_host=1.2.3.4 ansible_ssh_pass=[REDACTED]",
    ),
    (
        "helm upgrade x y --set auth.password=hunter2 --set replicas=2",
        "helm upgrade x y --set auth.password=[REDACTED] --set replicas=2",
    ),
    (
        "kubectl create secret generic db --from-literal=url=abc://x --from-literal=pin='a b'",
        "kubectl create secret generic db --from-literal=url=[REDACTED] --from-literal=pin='[REDACTED]'",
    ),
    (
        "kubectl config set-credentials ci --token=abc.def",
        "kubectl config set-credentials ci --token=[REDACTED]",
    ),
    (
        "./gradlew publish -PsigningPassword=hunter2 --info",
        "./gradlew publish -PsigningPassword=[REDACTED] --info",
    ),
    (
        "systemProp.http.proxyPassword=hunter2",
        "systemProp.http.proxyPassword=[REDACTED]",
    ),
    (
        "            storePassword 'hunter2'",
        "            storePassword '[REDACTED]'",
    ),
    (
        "            keyPassword \"hunter2\"",
        "            keyPassword \"[REDACTED]\"",
    ),
    (
        "mvn deploy -Dgpg.passphrase=hunter2 -B",
        "mvn deploy -Dgpg.passphrase=[REDACTED] -B",
    ),
    (
        "mvn sonar:sonar -Dsonar.login=squ_d670460b4b4aece5915caf5c68d12f560a9fe3e4",
        "mvn sonar:sonar -Dsonar.login=[REDACTED]",
    ),
    (
        "Looking in indexes: https://__token__:abc@pypi.acme.dev/simple",
        "Looking in indexes: https://__token__:[REDACTED]@pypi.acme.dev/simple",
    ),
    (
        "GOPROXY=\"https://ann:hunter2@proxy.acme.dev,direct\"",
        "GOPROXY=\"https://ann:[REDACTED]@proxy.acme.dev,direct\"",
    ),
    ("npmAuthToken: \"abc-1\"", "npmAuthToken: \"[REDACTED]\""),
    (
        "cargo login cioA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6",
        "cargo login [REDACTED]",
    ),
    (
        "CARGO_REGISTRY_TOKEN=abc",
        "CARGO_REGISTRY_TOKEN=[REDACTED]",
    ),
    (
        "RUN |1 NPM_TOKEN=abc /bin/sh -c npm ci",
        "RUN |1 NPM_TOKEN=[REDACTED] /bin/sh -c npm ci",
    ),
    (
        "Step 3/9 : ARG NPM_TOKEN=abc",
        "Step 3/9 : ARG NPM_TOKEN=[REDACTED]",
    ),
    (
        "docker build --build-arg NPM_TOKEN=abc -t x .",
        "docker build --build-arg NPM_TOKEN=[REDACTED] -t x .",
    ),
    (
        "git config http.extraheader \"AUTHORIZATION: basic eC1hY2Nlc3MtdG9rZW46Z2hzXzE=\"",
        "git config http.extraheader \"AUTHORIZATION: [REDACTED]\"",
    ),
    (
        "aws configure set aws_secret_access_key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "aws configure set aws_secret_access_key [REDACTED]",
    ),
    (
        "vault write auth/approle/login role_id=abc secret_id=8a1f2b3c-4d5e-6f70-8192-a3b4c5d6e7f8",
        "vault write auth/approle/login role_id=abc secret_id=[REDACTED]",
    ),
    (
        "redis-cli config set requirepass hunter2x",
        "redis-cli config set requirepass [REDACTED]",
    ),
    ("requirepass hunter2x", "requirepass [REDACTED]"),
    (
        "SET PASSWORD FOR 'root'@'localhost' = 'hunter2';",
        "SET PASSWORD FOR 'root'@'localhost' = '[REDACTED]';",
    ),
    (
        "keytool -genkey -storepass changeme1 -keypass changeme2 -alias a",
        "keytool -genkey -storepass [REDACTED] -keypass [REDACTED] -alias a",
    ),
    (
        "security unlock-keychain -p hunter2 build.keychain",
        "security unlock-keychain -p [REDACTED] build.keychain",
    ),
    (
        "security import cert.p12 -k build.keychain -P hunter2 -T /usr/bin/codesign",
        "security import cert.p12 -k build.keychain -P [REDACTED] -T /usr/bin/codesign",
    ),
    (
        "security set-key-partition-list -S apple-tool: -s -k hunter2 build.keychain",
        "security set-key-partition-list -S apple-tool: -s -k [REDACTED] build.keychain",
    ),
    (
        "signtool sign /f cert.pfx /p hunter2 /t http://t a.exe",
        "signtool sign /f cert.pfx /p [REDACTED] /t http://t a.exe",
    ),
    (
        "plink -ssh -pw hunter2 ann@h ls",
        "plink -ssh -pw [REDACTED] ann@h ls",
    ),
    (
        "#8 [4/9] RUN echo 'root:hunter2' | chpasswd",
        "#8 [4/9] RUN echo '[REDACTED]' | chpasswd",
    ),
    (
        "+ echo hunter2 | docker login -u ann --password-stdin",
        "+ echo [REDACTED] | docker login -u ann --password-stdin",
    ),
    (
        "echo \"hunter2\" | sudo -S apt-get update",
        "echo \"[REDACTED]\" | sudo -S apt-get update",
    ),
    (
        "$password = ConvertTo-SecureString \"hunter2\" -AsPlainText -Force",
        "$password = ConvertTo-SecureString \"[REDACTED]\" -AsPlainText -Force",
    ),
    (
        "$env:API_TOKEN = \"abc\"",
        "$env:API_TOKEN = \"[REDACTED]\"",
    ),
    ("setx API_TOKEN abc", "setx API_TOKEN [REDACTED]"),
    ("set \"API_TOKEN=a^&b\"", "set \"API_TOKEN=[REDACTED]\""),
    ("set -gx API_TOKEN abc", "set -gx API_TOKEN [REDACTED]"),
    (
        "fly secrets set A_URL=abc B=def",
        "fly secrets set A_URL=[REDACTED] B=[REDACTED]",
    ),
    (
        "gh secret set DEPLOY --body abc",
        "gh secret set DEPLOY --body [REDACTED]",
    ),
    (
        "curl -b session=abc https://h",
        "curl -b session=[REDACTED] https://h",
    ),
    (
        "curl --oauth2-bearer abc https://h",
        "curl --oauth2-bearer [REDACTED] https://h",
    ),
    (
        "curl --cert c.pem:hunter2 https://h",
        "curl --cert c.pem:[REDACTED] https://h",
    ),
    (
        "http -a ann:hunter2 GET https://h",
        "http -a ann:[REDACTED] GET https://h",
    ),
    (
        "jdbc:oracle:thin:scott/tiger9@//h:1521/x",
        "jdbc:oracle:thin:scott/[REDACTED]@//h:1521/x",
    ),
    (
        "jdbc:postgresql://h/db?user=a&password=b",
        "jdbc:postgresql://h/db?user=a&password=[REDACTED]",
    ),
    (
        "got sqp_d670460b4b4aece5915caf5c68d12f560a9fe3e4 now",
        "got [REDACTED] now",
    ),
    (
        "got squ_d670460b4b4aece5915caf5c68d12f560a9fe3e4 now",
        "got [REDACTED] now",
    ),
    (
        "got re_A1b2C3d4_A1b2C3d4E5f6G7h8I9j0K1l2 now",
        "got [REDACTED] now",
    ),
    (
        "got rnd_A1b2C3d4E5f6G7h8I9j0K1l2M3n4 now",
        "got [REDACTED] now",
    ),
    ("got AVNS_A1b2C3d4E5f6G7h8I9j now", "got [REDACTED] now"),
    (
        "got ATTAd670460b4b4aece5915caf5c68d12f560a9fe3e4d670460b4b4aece5915caf5c1234ABCD now",
        "got [REDACTED] now",
    ),
    (
        "got xnd_production_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0 now",
        "got [REDACTED] now",
    ),
    (
        "got mdb_sa_sk_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0 now",
        "got [REDACTED] now",
    ),
    (
        "got A3-ABCDEF-ABCDEFGHIJK-ABCDE-ABCDE-ABCD1 now",
        "got [REDACTED] now",
    ),
    (
        "got API-ABCDEFGHIJKLMNOPQRSTUV1234 now",
        "got [REDACTED] now",
    ),
    (
        "got 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 now",
        "got [REDACTED] now",
    ),
    (
        "got eyJwYXlsb2FkIjoiA1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5A1b2C3d4E5 now",
        "got [REDACTED] now",
    ),
    (
        "got aaaaaaaaaa1b2c3d4e5f1b2c3d4e5f1b2c3d4e5f1b2c3d4e5f1b2c3d4e5f1b2c3d4e5fabcdefAZDOAB12 now",
        "got [REDACTED] now",
    ),
    (
        "got pk.eyJ1IjoiYW5uIiwiYSI6ImNsMTIzNDU2Nzg5MCJ9.A1b2C3d4E5f6G7h8I9j0K1 now",
        "got pk.[REDACTED] now",
    ),
    (
        "{\"m\":\"{\\\"n\\\":\\\"{\\\\\\\"password\\\\\\\":\\\\\\\"abc\\\\\\\"}\\\"}\"}",
        "{\"m\":\"{\\\"n\\\":\\\"{\\\\\\\"password\\\\\\\":\\\\\\\"[REDACTED]\\\\\\\"}\\\"}\"}",
    ),
    (
        "GET /cb?redirect=%2Fx%3Ftoken%3DabcDEF123456%26a%3Db",
        "GET /cb?redirect=%2Fx%3Ftoken%3D[REDACTED]%26a%3Db",
    ),
    ("password%3Dhunter2", "password%3D[REDACTED]"),
    (
        "{&quot;password&quot;:&quot;hunter2&quot;}",
        "{&quot;password&quot;:&quot;[REDACTED]&quot;}",
    ),
    (
        "{\"password\":\"hun\\u0074er2\",\"a\":1}",
        "{\"password\":\"[REDACTED]\",\"a\":1}",
    ),
];

#[test]
fn what_tools_print_without_secrets_is_shown() {
    check_all(SHOWN.iter().map(|text| (*text, *text)));
}

const SHOWN: &[&str] = &[
    "::add-mask::***",
    "::debug::token count is 3",
    "::group::Set password",
    "db_password = <sensitive>",
    "      + master_password = (sensitive value)",
    "  # random_password.db will be created",
    "      + password_length = 24",
    "      + secret_name = \"db\"",
    "      + key_name = \"deploy\"",
    "TASK [Set the password of ann] *********",
    "\"login_password\": \"VALUE_SPECIFIED_IN_NO_LOG_PARAMETER\"",
    "fatal: [web1]: FAILED! => {\"censored\": \"the output has been hidden due to the fact that 'no_log: true' was specified for this result\"}",
    "  export PASSWORD=$(kubectl get secret --namespace default db -o jsonpath=\"{.data.password}\" | base64 -d)",
    "    secretKeyRef: {name: db, key: password}",
    "imagePullSecrets: [{name: regcred}]",
    "> Task :app:validateSigningDebug",
    "[INFO] Token parser: 12 tokens",
    "[ERROR] Failed to execute goal: Not authorized, ReasonPhrase: Unauthorized.",
    "Store: ~/.android/debug.keystore",
    "docker build --secret id=npm,src=.npmrc .",
    "//registry.npmjs.org/:_authToken = (protected)",
    "npm notice New minor version",
    "go: downloading github.com/golang-jwt/jwt/v5 v5.2.1",
    "   Compiling tokio-tungstenite v0.21.0",
    "Requirement already satisfied: python-jose[cryptography]>=3.3",
    "[command]/usr/bin/git config --local http.https://github.com/.extraheader AUTHORIZATION: basic ***",
    "echo \"$PASSWORD\" | docker login -u ann --password-stdin",
    "echo done | tee log",
    "curl -b cookies.txt https://h",
    "psql: error: connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  password authentication failed for user \"app\"",
    "mysql: [Warning] Using a password on the command line interface can be insecure.",
    "Error: secret \"db\" not found",
    "password must have at least 8 characters",
    "token: EOF",
    "Error: Invalid token \"}\" at line 3",
    "keys: 12 values: 13",
    "Authentication token manipulation error",
    "passwd: unchanged",
    "warning: key `token` is deprecated",
    "  secret: db-credentials",
    "Created secret/db",
    "Deleted token abc",
    "  token_ttl: 1h",
    "auth: enabled",
    "Cookie: (none)",
    "api_key: required",
    "Missing API key: set OPENAI_API_KEY",
    "password=<unset>",
    "{\"token\":null,\"password\":true}",
    "access_token_expires_in=3600",
    "PASSWORD_FILE=/run/secrets/db",
    "--password-file /run/x",
    "tokens/s: 123.4",
    "token = undefined",
    "assert password == expected",
    "const token = await getToken();",
    "let secret = env::var(\"SECRET\")?;",
    "password := os.Getenv(\"PASSWORD\")",
    "if (!token) throw new Error(\"no token\")",
    "PASS src/auth/token.test.ts",
    "✓ returns a token (12 ms)",
    "test_password_reset PASSED",
    "secret/data/app",
    "Loaded 3 credentials",
    "token type: Bearer",
    "x-api-key: ${API_KEY}",
    "key: value",
    "public_key: ssh-ed25519",
    "KEY=value",
    "author: ann",
    "Keyboard: us",
    "compass: 3",
    "bypass: yes",
];
