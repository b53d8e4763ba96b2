//! Values behind a secret name, and addresses with a password.

use crate::support::check_all;

#[test]
fn the_value_of_a_secret_name_is_hidden_and_the_name_is_shown() {
    check_all(NAMED.iter().copied());
}

const NAMED: &[(&str, &str)] = &[
    ("DB_PASSWORD=hunter2 x", "DB_PASSWORD=[REDACTED] x"),
    ("export API_KEY=abc,def;g", "export API_KEY=[REDACTED]"),
    ("password: hunter2", "password: [REDACTED]"),
    (
        "  - db.password : \"a b\\\"c\" # d",
        "  - db.password : \"[REDACTED]\" # d",
    ),
    (
        "{\"apiKey\":\"abc\",\"user\":\"ann\"}",
        "{\"apiKey\":\"[REDACTED]\",\"user\":\"ann\"}",
    ),
    (
        "{\"a\":\"{\\\"token\\\":\\\"x\\\\\\\"y\\\",\\\"u\\\":1}\"}",
        "{\"a\":\"{\\\"token\\\":\\\"[REDACTED]\\\",\\\"u\\\":1}\"}",
    ),
    ("--token='a b' next", "--token='[REDACTED]' next"),
    (
        "GET /x?access_token=abc&user=ann",
        "GET /x?access_token=[REDACTED]&user=ann",
    ),
    (
        "Server=db;Password=a b;User=sa",
        "Server=db;Password=[REDACTED];User=sa",
    ),
    (
        "Server=db;Pwd=ab;User=sa",
        "Server=db;Pwd=[REDACTED];User=sa",
    ),
    (
        "> Authorization: Bearer abc def",
        "> Authorization: [REDACTED]",
    ),
    ("authorization: token x9Jm2Kq4", "authorization: [REDACTED]"),
    ("> Cookie: sid=abc; b=c", "> Cookie: [REDACTED]"),
    ("< Set-Cookie: sid=abc; Path=/", "< Set-Cookie: [REDACTED]"),
    (
        "curl -H \"X-Api-Key: abc\" u",
        "curl -H \"X-Api-Key: [REDACTED]\" u",
    ),
    (
        "curl -H 'PRIVATE-TOKEN: abc' u",
        "curl -H 'PRIVATE-TOKEN: [REDACTED]' u",
    ),
    (
        "{'Authorization': 'Bearer abc', 'Accept': '*/*'}",
        "{'Authorization': '[REDACTED]', 'Accept': '*/*'}",
    ),
    (
        "Your root password: k8Rt2x9 (change it)",
        "Your root password: [REDACTED] (change it)",
    ),
    ("secret=\\x", "secret=[REDACTED]"),
    ("SECRET_KEY_BASE=abc", "SECRET_KEY_BASE=[REDACTED]"),
    ("password=token=abc d", "password=[REDACTED] d"),
    (
        "MYSQL_PWD=abc PGPASSWORD='it'\\''s' x",
        "MYSQL_PWD=[REDACTED] PGPASSWORD='[REDACTED]' x",
    ),
    ("const apiKey = \"abc\";", "const apiKey = \"[REDACTED]\";"),
    (
        "{Password:hunter2 User:ann}",
        "{Password:[REDACTED] User:ann}",
    ),
    (
        "Config { password: \"hunter2\", token: Some(\"abc\") }",
        "Config { password: \"[REDACTED]\", token: Some(\"[REDACTED]\") }",
    ),
    (
        "os.environ['API_TOKEN'] = 'abc'",
        "os.environ['API_TOKEN'] = '[REDACTED]'",
    ),
    (
        "docker run -e API_TOKEN=abc img",
        "docker run -e API_TOKEN=[REDACTED] img",
    ),
    ("PIN_PASSWORD=1234", "PIN_PASSWORD=[REDACTED]"),
    ("password: 123456", "password: [REDACTED]"),
];

#[test]
fn a_value_is_found_in_whatever_ties_it_to_its_name() {
    check_all(WRITTEN.iter().copied());
}

const WRITTEN: &[(&str, &str)] = &[
    (
        "      ~ password = \"old\" -> \"new\"",
        "      ~ password = \"[REDACTED]\" -> \"[REDACTED]\"",
    ),
    (
        "deploy --token k8Rt2x9 --url x",
        "deploy --token [REDACTED] --url x",
    ),
    (
        "deploy --password hunter reg.io",
        "deploy --password [REDACTED] reg.io",
    ),
    (
        "{\"password\"=>\"v\", :token=>\"w\"}",
        "{\"password\"=>\"[REDACTED]\", :token=>\"[REDACTED]\"}",
    ),
    (
        "<server><password>v</password></server>",
        "<server><password>[REDACTED]</password></server>",
    ),
    (
        "<s:apiKey id=\"a\">v</s:apiKey>",
        "<s:apiKey id=\"a\">[REDACTED]</s:apiKey>",
    ),
    (
        "Step 3/5 : ENV API_TOKEN abc",
        "Step 3/5 : ENV API_TOKEN [REDACTED]",
    ),
    (
        "#7 [2/3] ENV DB_PASSWORD a b",
        "#7 [2/3] ENV DB_PASSWORD [REDACTED]",
    ),
    (
        "machine api.example.org login ann password hunter",
        "machine api.example.org login ann password [REDACTED]",
    ),
    ("  password k8Rt2x9", "  password [REDACTED]"),
    (
        "    client-key-data: LS0tLS1CRUdJTiBSU0Eg",
        "    client-key-data: [REDACTED]",
    ),
    (
        "  .dockerconfigjson: eyJhdXRocyI6eyJyZWciOnt9fX0=",
        "  .dockerconfigjson: [REDACTED]",
    ),
    (
        "{\"auths\":{\"reg\":{\"auth\":\"YW5uOmh1bnRlcjI=\"}}}",
        "{\"auths\":{\"reg\":{\"auth\":\"[REDACTED]\"}}}",
    ),
    (
        "//registry.npmjs.org/:_authToken=abc",
        "//registry.npmjs.org/:_authToken=[REDACTED]",
    ),
    (
        "//reg.acme.dev/:_auth=YW5uOmh1bnRlcjI=",
        "//reg.acme.dev/:_auth=[REDACTED]",
    ),
    ("_auth = \"YW5uOmh1bnRlcjI=\"", "_auth = \"[REDACTED]\""),
    (
        "[{\"name\":\"DB_PASSWORD\",\"value\":\"x\"}]",
        "[{\"name\":\"DB_PASSWORD\",\"value\":\"[REDACTED]\"}]",
    ),
    (
        "<add key=\"ApiKey\" value=\"v\" />",
        "<add key=\"ApiKey\" value=\"[REDACTED]\" />",
    ),
    (
        "npm config set //reg/:_authToken abc",
        "npm config set //reg/:_authToken [REDACTED]",
    ),
];

#[test]
fn what_is_no_secret_is_shown() {
    let texts = [
        "passwd: password updated successfully",
        "password = (sensitive value)",
        "  + password = (known after apply)",
        "  ~ password = (sensitive value) -> (known after apply)",
        "  - password = \"\" -> null",
        "  password: string;",
        "password?: string",
        "tough-cookie: 4.1.3",
        "\"jsonwebtoken\": \"^9.0.2\",",
        "Unexpected token: punc",
        "test auth::token::tests::a_token ... ok",
        "secret: 3 token: 12:30:05 password: 1.2.3",
        "tokens: 1523, max_tokens=4096, max_token: 512",
        "PASSWORD=",
        "password=\"\" token=''",
        "error: unexpected token: `}`",
        "SyntaxError: Unexpected token = in JSON",
        "if token == expected {",
        "token => lexer, secret::new(), token := next()",
        "12 |     let token = lexer.next();",
        "    token: Option<String>,",
        "PWD=/srv/ann OLDPWD=/",
        "TOKEN_URL=https://example.org/t",
        "tests: 3 pass = 3",
        "https://example.org:8080/a:b=c 12:30:05 a=b",
        "Password:",
        "[sudo] password for ann:",
        "Enter passphrase (empty for no passphrase):",
        "Password for 'https://ann@host': ",
        "  --token string      The token of the API",
        "  --password <password>  The password",
        "  -p, --password string   Password",
        "usage: deploy [--token TOKEN] [--password PASSWORD]",
        "use --token to give a token, or --password-stdin",
        "the --password flag is deprecated",
        "password=${DB_PASSWORD} token=$TOKEN key=%KEY% secret={{ .Values.secret }}",
        "PASSWORD=**** TOKEN=[MASKED]",
        "client = Client(token=token, password=self.password)",
        "key: node-cache-Linux-d670460b4b4aece5915caf5c68d12f560a9fe3e4",
        "Host key: SHA256:aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFg",
        "secretName: my-app-secret",
        "Cookie: none",
        "Authorization: required",
        "authorization failed: token: expired",
        "auth: basic",
        "password: {{ vault_password }}",
        "password: !vault |",
        "<password>${env.X}</password>",
        "a secret: you can skip this",
        "passwd: user1 does not exist",
    ];
    check_all(texts.map(|text| (text, text)));
}

#[test]
fn only_the_password_of_an_address_is_hidden() {
    check_all([
        (
            "postgres://ann:s3cret@db:5432/x",
            "postgres://ann:[REDACTED]@db:5432/x",
        ),
        ("redis://:s3cret@cache x", "redis://:[REDACTED]@cache x"),
        ("amqp+ssl://a:b@c@host/v", "amqp+ssl://a:[REDACTED]@host/v"),
        ("'mongodb+srv://u:p:q@h'", "'mongodb+srv://u:[REDACTED]@h'"),
        (
            "fatal: unable to access 'https://gitlab-ci-token:x9-Jm@gitlab.acme.dev/group/web.git/': 403",
            "fatal: unable to access 'https://gitlab-ci-token:[REDACTED]@gitlab.acme.dev/group/web.git/': 403",
        ),
        ("postgres://app:ab/cd#e@db", "postgres://app:[REDACTED]@db"),
        (
            "https://d670460b4b4aece5915caf5c68d12f560a9fe3e4@host/a.git",
            "https://[REDACTED]@host/a.git",
        ),
        (
            "DATABASE_URL=postgres://ann:s3cret@db/x?sslmode=require",
            "DATABASE_URL=postgres://ann:[REDACTED]@db/x?sslmode=require",
        ),
        (
            "{\"url\":\"https://u:p@h/x\",\"b\":\"c@d\"}",
            "{\"url\":\"https://u:[REDACTED]@h/x\",\"b\":\"c@d\"}",
        ),
        (
            "https://a.blob.core.windows.net/c?sv=2022&sig=aB3dE6gH9jK2mN5pQ8sT1v%3D&se=2026",
            "https://a.blob.core.windows.net/c?sv=2022&sig=[REDACTED]&se=2026",
        ),
    ]);
}

#[test]
fn addresses_without_a_password_are_shown() {
    let texts = [
        "http://localhost:3000 react@19.0.0 added",
        "http://127.0.0.1:8080/@vite/client and ssh://git@example.org:22/x",
        "https://registry.example.org:443/@types/node https://ann@example.org",
        "a :// b:c@d",
        "npm http fetch GET 200 https://registry.npmjs.org/@babel%2fcore 120ms",
        "git@github.com:acme/web.git docker.io/library/node:20@sha256:0a1b2c3d",
    ];
    check_all(texts.map(|text| (text, text)));
}

#[test]
fn a_value_is_found_where_a_message_a_table_or_a_template_tells_it() {
    check_all(TOLD.iter().copied());
}

const TOLD: &[(&str, &str)] = &[
    (
        "mongosh --eval 'db.createUser({ user: \"ann\", pwd: \"hunter2\", roles: [\"root\"] })'",
        "mongosh --eval 'db.createUser({ user: \"ann\", pwd: \"[REDACTED]\", roles: [\"root\"] })'",
    ),
    (
        "SET PASSWORD FOR 'ann'@'%' = PASSWORD('hunter2');",
        "SET PASSWORD FOR 'ann'@'%' = PASSWORD('[REDACTED]');",
    ),
    (
        "ALTER ROLE ann PASSWORD \"hunter2\"",
        "ALTER ROLE ann PASSWORD \"[REDACTED]\"",
    ),
    (
        "mount -t cifs -o username=ann,password=hunter2,vers=3.0 //h/s /m",
        "mount -t cifs -o username=ann,password=[REDACTED],vers=3.0 //h/s /m",
    ),
    (
        "mount -t cifs -o user=ann,pass=hunter2,vers=3.0 //h/s /m",
        "mount -t cifs -o user=ann,pass=[REDACTED],vers=3.0 //h/s /m",
    ),
    (
        "aws lambda update-function-configuration --environment \"Variables={DB_PASSWORD=hunter2,STAGE=prod}\"",
        "aws lambda update-function-configuration --environment \"Variables={DB_PASSWORD=[REDACTED],STAGE=prod}\"",
    ),
    (
        "aws ecs x --environment name=DB_PASSWORD,value=hunter2",
        "aws ecs x --environment name=DB_PASSWORD,value=[REDACTED]",
    ),
    (
        "│ token          │ 8a1f2b3c-4d5e-6f70-8192-a3b4c5d6e7f8 │",
        "│ token          │ [REDACTED] │",
    ),
    (
        "│ SECRET_KEY     │ aB3dE6gH9jK2mN5pQ8sT1vW4 │",
        "│ SECRET_KEY     │ [REDACTED] │",
    ),
    (
        "Secret Access Key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Secret Access Key: [REDACTED]",
    ),
    (
        "Your API key is: aB3dE6gH9jK2mN5pQ8sT1vW4",
        "Your API key is: [REDACTED]",
    ),
    (
        "The API key is \"aB3dE6gH9jK2mN5pQ8sT1vW4\".",
        "The API key is \"[REDACTED]\".",
    ),
    (
        "using token aB3dE6gH9jK2mN5pQ8sT1vW4",
        "using token [REDACTED]",
    ),
    (
        "PASSWORD kibana_system = aB3dE6gH9jK2mN5pQ8sT",
        "PASSWORD kibana_system = [REDACTED]",
    ),
    (
        "[Server] A temporary password is generated for root@localhost: aB3;dE6gH9)j",
        "[Server] A temporary password is generated for root@localhost: [REDACTED]",
    ),
    (
        "Password for elastic: aB3dE6gH9jK2",
        "Password for elastic: [REDACTED]",
    ),
    (
        "secret_id               841771dc-11c9-bbc7-bcac-6a3945a69cd9",
        "secret_id               [REDACTED]",
    ),
    (
        "|  SecretAccessKey |  wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY  |",
        "|  SecretAccessKey |  [REDACTED]  |",
    ),
    (
        "    [DB_PASSWORD] => hunter2",
        "    [DB_PASSWORD] => [REDACTED]",
    ),
    (
        "SSHPASS=hunter2x sshpass -e ssh h",
        "SSHPASS=[REDACTED] sshpass -e ssh h",
    ),
    (
        "cache:6379,password=hunter2x,ssl=True,abortConnect=False",
        "cache:6379,password=[REDACTED],ssl=True,abortConnect=False",
    ),
    ("PASS=hunter2x ./deploy.sh", "PASS=[REDACTED] ./deploy.sh"),
    ("ROOT_PW=hunter2x", "ROOT_PW=[REDACTED]"),
    ("ADMIN_PAT=aB3dE6gH9jK2mN5pQ8sT1vW4", "ADMIN_PAT=[REDACTED]"),
    ("BASIC_AUTH=ann:hunter2x", "BASIC_AUTH=[REDACTED]"),
    (
        "sonar-scanner -Dsonar.login=d670460b4b4aece5915caf5c68d12f560a9fe3e4",
        "sonar-scanner -Dsonar.login=[REDACTED]",
    ),
    (
        "<property name=\"password\">hunter2</property>",
        "<property name=\"password\">[REDACTED]</property>",
    ),
    (
        "<string name=\"api_key\">aB3dE6gH9jK2mN5p</string>",
        "<string name=\"api_key\">[REDACTED]</string>",
    ),
    (
        "--parameters ParameterKey=DBPassword,ParameterValue=hunter2x",
        "--parameters ParameterKey=DBPassword,ParameterValue=[REDACTED]",
    ),
    ("${DB_PASSWORD:-hunter2}", "${DB_PASSWORD:-[REDACTED]}"),
    (
        "GOOGLE_CREDENTIALS={\"type\":\"service_account\",\"private_key\":\"-----BEGIN PRIVATE KEY-----\\nMIIEvQ\\n-----END PRIVATE KEY-----\\n\"}",
        "GOOGLE_CREDENTIALS={\"type\":\"service_account\",\"private_key\":\"[REDACTED]\"}",
    ),
    (
        "credentials={'user': 'ann', 'password': 'hunter2x'}",
        "credentials={'user': 'ann', 'password': '[REDACTED]'}",
    ),
];

#[test]
fn messages_tables_and_templates_without_a_value_are_shown() {
    let texts = [
        "GNUTLS_PKCS_NULL_PASSWORD: Added",
        "Turn into replica after changing the masterauth instead.",
        "Allow requirepass config to clear the password (#7899)",
        "by adding a --session-token cli arg",
        "--private-key=file      the file with the key",
        "See also -x, --proxy and --proxy-tlspassword. Added in 7.52.0.",
        "--private-key=FILE          private key file",
        "{ user: \"ann\", pwd: \"/builds/x\" }",
        "{cwd: \"/x\", pwd: \"/builds\"}",
        "PWD=/builds/x,OLDPWD=/",
        "token │ not drawn",
        "│ token │ varchar │",
        "name=DB_HOST,value=db",
        "{PASSWORD_FILE=/x,STAGE=prod}",
        "t(\"PASSWORD\")",
        "API key is missing",
        "The API key is loaded from /etc/app/key.pem",
        "Deploy key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6hI9j",
        "Session key: AES-256-GCM",
        "Private key: /etc/ssl/private/key.pem",
        "using token of user ann1",
        "with token github_actions_default_token_v2",
        "test auth_token rejects_2fa_codes_without_a_session ... ok",
        "Invalid password for user: jDoe99xY",
        "Changed password for user: deploy-Bot7x",
        "password reset email sent to: ann1@Acme.com",
        "Password policy: Min8Chars1Upper",
        "| password | varchar(255) | NO   |     | NULL    |",
        "secret    Opaque    3     10d",
        "PASS=12 FAIL=0",
        "SRC_PAT=\"*.rs\"",
        "credentials={}",
        "--parameters ParameterKey=Stage,ParameterValue=prod",
        "[id=arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-aB3dE6]",
        ": \"${NPM_TOKEN:?Please set NPM_TOKEN}\"",
        "${TOKEN:+--token}",
        "Session cookie: SameSite=Lax",
    ];
    check_all(texts.map(|text| (text, text)));
}

#[test]
fn a_written_out_line_end_ends_a_value() {
    check_all([
        (
            "send: b'GET /x HTTP/1.1\\r\\nAuthorization: Basic YW5uOmh1bnRlcjI=\\r\\nAccept: */*\\r\\n\\r\\n'",
            "send: b'GET /x HTTP/1.1\\r\\nAuthorization: [REDACTED]\\r\\nAccept: */*\\r\\n\\r\\n'",
        ),
        (
            "send: b'GET /x HTTP/1.1\\r\\nX-Api-Key: abcdef123\\r\\nCookie: sid=abc\\r\\nHost: h\\r\\n\\r\\n'",
            "send: b'GET /x HTTP/1.1\\r\\nX-Api-Key: [REDACTED]\\r\\nCookie: [REDACTED]\\r\\nHost: h\\r\\n\\r\\n'",
        ),
        (
            "\"raw\":\"GET / HTTP/1.1\\nAuthorization: Bearer abc123\\nAccept: */*\"",
            "\"raw\":\"GET / HTTP/1.1\\nAuthorization: [REDACTED]\\nAccept: */*\"",
        ),
        (
            "{\"log\":\"DB_PASSWORD=hunter2\\n\",\"stream\":\"stdout\"}",
            "{\"log\":\"DB_PASSWORD=[REDACTED]\\n\",\"stream\":\"stdout\"}",
        ),
        (
            "{\"log\":\"password: hunter2\\r\\n\",\"stream\":\"stdout\"}",
            "{\"log\":\"password: [REDACTED]\\r\\n\",\"stream\":\"stdout\"}",
        ),
        ("b'token=k8Rt2x9q\\n'", "b'token=[REDACTED]\\n'"),
    ]);
}
