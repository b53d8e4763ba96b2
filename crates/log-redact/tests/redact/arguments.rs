//! Passwords on command lines, and in the lists of arguments that programs print of them.

use crate::support::check_all;

#[test]
fn a_password_in_a_list_of_arguments_is_hidden() {
    check_all([
        (
            "subprocess.CalledProcessError: Command '['docker', 'login', '-u', 'ann', '-p', 'hunter2x', 'r.io']' returned non-zero exit status 1.",
            "subprocess.CalledProcessError: Command '['docker', 'login', '-u', 'ann', '-p', '[REDACTED]', 'r.io']' returned non-zero exit status 1.",
        ),
        (
            "subprocess.CalledProcessError: Command '['twine', 'upload', '--password', 'hunter2x', 'x']' returned non-zero exit status 1.",
            "subprocess.CalledProcessError: Command '['twine', 'upload', '--password', '[REDACTED]', 'x']' returned non-zero exit status 1.",
        ),
        (
            "npm verb cli '/usr/bin/npm', 'config', 'set', '//registry.npmjs.org/:_authToken', 'npm_abcdefghijklmnopqrstuvwxyz0123456789'",
            "npm verb cli '/usr/bin/npm', 'config', 'set', '//registry.npmjs.org/:_authToken', '[REDACTED]'",
        ),
        (
            "  spawnargs: [ 'login', '--password', 'hunter2x' ],",
            "  spawnargs: [ 'login', '--password', '[REDACTED]' ],",
        ),
        (
            "Args: [\"deploy\", \"--token\", \"k8Rt2x9\", \"--verbose\"]",
            "Args: [\"deploy\", \"--token\", \"[REDACTED]\", \"--verbose\"]",
        ),
        (
            "\"Cmd\": [\"redis-server\",\"--requirepass\",\"hunter2\"],",
            "\"Cmd\": [\"redis-server\",\"--requirepass\",\"[REDACTED]\"],",
        ),
        (
            "{\\\"args\\\":[\\\"--token\\\",\\\"hunter2\\\"]}",
            "{\\\"args\\\":[\\\"--token\\\",\\\"[REDACTED]\\\"]}",
        ),
        (
            "exec: \"mysql\" \"-h\" \"db\" \"--password\" \"hunter2x\"",
            "exec: \"mysql\" \"-h\" \"db\" \"--password\" \"[REDACTED]\"",
        ),
        (
            "['mysqldump', '-u', 'root', '-phunter2', 'app']",
            "['mysqldump', '-u', 'root', '-p[REDACTED]', 'app']",
        ),
        (
            "[\"redis-cli\",\"-a\",\"hunter2\",\"ping\"]",
            "[\"redis-cli\",\"-a\",\"[REDACTED]\",\"ping\"]",
        ),
        (
            "[\"curl\",\"-u\",\"ann:hunter2\",\"https://h\"]",
            "[\"curl\",\"-u\",\"ann:[REDACTED]\",\"https://h\"]",
        ),
        (
            "['sshpass', '-p', 'hunter 2', 'ssh', 'h']",
            "['sshpass', '-p', '[REDACTED]', 'ssh', 'h']",
        ),
        (
            "rawHeaders: [ 'Host', 'h', 'Authorization', 'Bearer abc123', 'Accept', '*/*' ]",
            "rawHeaders: [ 'Host', 'h', 'Authorization', '[REDACTED]', 'Accept', '*/*' ]",
        ),
        (
            "  authorization: [ 'Bearer abc123def' ],",
            "  authorization: [ '[REDACTED]' ],",
        ),
        (
            "  'x-api-key': [ 'abc123def' ],",
            "  'x-api-key': [ '[REDACTED]' ],",
        ),
        (
            "[('user', 'ann'), ('password', 'hunter2')]",
            "[('user', 'ann'), ('password', '[REDACTED]')]",
        ),
        (
            "{'password': ['hunter2'], 'user': ['ann']}",
            "{'password': ['[REDACTED]'], 'user': ['ann']}",
        ),
    ]);
}

#[test]
fn lists_without_a_secret_are_shown() {
    let texts = [
        "    \"args\": [\"--token\", \"--verbose\"],",
        "  .option('--token <token>', 'The token to use')",
        "  .option('--token', 'GitHub token')",
        "parser.add_argument('--password', '-p', help='x')",
        "click.option(\"--password\", prompt=True, hide_input=True)",
        "[\"--secret\", \"id=npm,src=.npmrc\"]",
        "{\"errors\":{\"password\":[\"is too short (minimum is 6 characters)\"],\"token\":[\"is invalid\"]}}",
        "'password' => ['required', 'string', 'min:8'],",
        "\"token\": [\"expired\"],",
        "token=[]",
        "Command '['mysql', '-u', 'root', '-p', 'app']' returned 1",
        "[\"curl\", \"-sS\", \"-u\", \"$USER:$PASS\", \"https://h\"]",
        "authorization: [ 'Bearer ***' ]",
        "allowedHeaders: ['Content-Type', 'Authorization', 'X-Requested-With']",
        "allowedHeaders: [\"Authorization\", \"Content-Type\"]",
        "headers: ['Cookie', 'Authorization']",
        "t('password', 'Password') expect('token', 'expired')",
    ];
    check_all(texts.map(|text| (text, text)));
}

#[test]
fn a_password_on_the_command_line_of_a_known_program_is_hidden() {
    check_all(COMMAND_LINES.iter().copied());
}

const COMMAND_LINES: &[(&str, &str)] = &[
    (
        "GRANT ALL ON *.* TO 'ann'@'%' IDENTIFIED BY \"hunter2\";",
        "GRANT ALL ON *.* TO 'ann'@'%' IDENTIFIED BY \"[REDACTED]\";",
    ),
    (
        "rabbitmqctl add_user ann hunter2",
        "rabbitmqctl add_user ann [REDACTED]",
    ),
    (
        "rabbitmqctl change_password ann hunter2",
        "rabbitmqctl change_password ann [REDACTED]",
    ),
    (
        "cmdkey /add:h /user:ann /pass:hunter2",
        "cmdkey /add:h /user:ann /pass:[REDACTED]",
    ),
    (
        "psexec \\\\h -u ann -p hunter2 cmd",
        "psexec \\\\h -u ann -p [REDACTED] cmd",
    ),
    (
        "schtasks /create /tn x /ru ann /rp hunter2",
        "schtasks /create /tn x /ru ann /rp [REDACTED]",
    ),
    (
        "ipmitool -I lanplus -H h -U ann -P hunter2 power status",
        "ipmitool -I lanplus -H h -U ann -P [REDACTED] power status",
    ),
    (
        "ansible-vault encrypt_string 'hunter2' --name 'x'",
        "ansible-vault encrypt_string '[REDACTED]' --name 'x'",
    ),
    ("openssl passwd -6 hunter2", "openssl passwd -6 [REDACTED]"),
    (
        "echo \"hunter2\" | docker secret create db -",
        "echo \"[REDACTED]\" | docker secret create db -",
    ),
    (
        "vault kv put secret/db pin=abc url=x://y",
        "vault kv put secret/db pin=[REDACTED] url=[REDACTED]",
    ),
    (
        "gcloud functions deploy f --set-env-vars DB_PASSWORD=hunter2,STAGE=prod",
        "gcloud functions deploy f --set-env-vars DB_PASSWORD=[REDACTED],STAGE=prod",
    ),
    (
        "gcloud run deploy f --set-env-vars=STAGE=prod,DB_PASSWORD=hunter2,X=1",
        "gcloud run deploy f --set-env-vars=STAGE=prod,DB_PASSWORD=[REDACTED],X=1",
    ),
    (
        "smbmap -u ann -p hunter2 -H h",
        "smbmap -u ann -p [REDACTED] -H h",
    ),
    (
        "ncftpput -u ann -p hunter2 h / x",
        "ncftpput -u ann -p [REDACTED] h / x",
    ),
    (
        "cf login -u ann -p hunter2 -o org",
        "cf login -u ann -p [REDACTED] -o org",
    ),
    (
        "conan user -p hunter2 -r r ann",
        "conan user -p [REDACTED] -r r ann",
    ),
    (
        "conan remote login r ann -p hunter2",
        "conan remote login r ann -p [REDACTED]",
    ),
    (
        "cloudsmith push python o/r x.whl -k aB3dE6gH9jK2mN5pQ8sT1vW4",
        "cloudsmith push python o/r x.whl -k [REDACTED]",
    ),
    (
        "curl -fsSLu ann:hunter2 https://h",
        "curl -fsSLu ann:[REDACTED] https://h",
    ),
    (
        "poetry config http-basic.acme ann hunter2x",
        "poetry config http-basic.acme ann [REDACTED]",
    ),
    (
        "composer config --global http-basic.repo.packagist.com ann hunter2x",
        "composer config --global http-basic.repo.packagist.com ann [REDACTED]",
    ),
    (
        "dotnet nuget push x.nupkg -k 3f2504e0-4f89-11d3-9a0c-0305e82c3301 -s https://h",
        "dotnet nuget push x.nupkg -k [REDACTED] -s https://h",
    ),
    (
        "dotnet nuget add source https://h -n acme -u ann -p hunter2x --store-password-in-clear-text",
        "dotnet nuget add source https://h -n acme -u ann -p [REDACTED] --store-password-in-clear-text",
    ),
    (
        "az acr login -n x -u ann -p hunter2x",
        "az acr login -n x -u ann -p [REDACTED]",
    ),
    (
        "az keyvault secret set --vault-name v --name n --value hunter2x",
        "az keyvault secret set --vault-name v --name n --value [REDACTED]",
    ),
    (
        "aws ssm put-parameter --name /db/password --type SecureString --value hunter2x",
        "aws ssm put-parameter --name /db/password --type SecureString --value [REDACTED]",
    ),
    (
        "pulumi config set --secret dbPassword hunter2x",
        "pulumi config set --secret dbPassword [REDACTED]",
    ),
    (
        "codecov -t 8a1f2b3c-4d5e-6f70-8192-a3b4c5d6e7f8",
        "codecov -t [REDACTED]",
    ),
    (
        "snyk auth 8a1f2b3c-4d5e-6f70-8192-a3b4c5d6e7f8",
        "snyk auth [REDACTED]",
    ),
    (
        "vercel deploy --prod -t aB3dE6gH9jK2mN5pQ8sT1vW4",
        "vercel deploy --prod -t [REDACTED]",
    ),
    (
        "ngrok config add-authtoken 2aB3dE6gH9jK2mN5pQ8sT1vW4_5xY7zA0cD3fG6hI9jK2m",
        "ngrok config add-authtoken [REDACTED]",
    ),
    (
        "mc alias set minio http://h:9000 minioadmin aB3dE6gH9jK2mN5p",
        "mc alias set minio http://h:9000 minioadmin [REDACTED]",
    ),
    (
        "sqlplus -S ann/hunter2@h:1521/x @run.sql",
        "sqlplus -S ann/[REDACTED]@h:1521/x @run.sql",
    ),
    (
        "bcp db.dbo.t out f -S h -U sa -P hunter2x",
        "bcp db.dbo.t out f -S h -U sa -P [REDACTED]",
    ),
    ("unzip -P hunter2x a.zip", "unzip -P [REDACTED] a.zip"),
    (
        "xcrun altool --upload-app -u ann@x.y -p \"abcd-efgh-ijkl-mnop\" -f a.ipa",
        "xcrun altool --upload-app -u ann@x.y -p \"[REDACTED]\" -f a.ipa",
    ),
    (
        "useradd -p $6$saltsalt$aB3dE6gH9jK2mN5pQ8 ann",
        "useradd -p [REDACTED] ann",
    ),
    (
        "htpasswd -nb ann hunter2 > x",
        "htpasswd -nb ann [REDACTED] > x",
    ),
    (
        "htpasswd -cb f ann hunter2",
        "htpasswd -cb f ann [REDACTED]",
    ),
    (
        "docker run --rm httpd htpasswd -Bbn ann hunter2",
        "docker run --rm httpd htpasswd -Bbn ann [REDACTED]",
    ),
    (
        "echo \"hunter2x\" | gpg --batch --passphrase-fd 0 -d f",
        "echo \"[REDACTED]\" | gpg --batch --passphrase-fd 0 -d f",
    ),
    (
        "echo aB3dE6gH9jK2 | gh auth login --with-token",
        "echo [REDACTED] | gh auth login --with-token",
    ),
    (
        "echo -n \"hunter2x\" | gcloud secrets create x --data-file=-",
        "echo -n \"[REDACTED]\" | gcloud secrets create x --data-file=-",
    ),
    (
        "helm upgrade x --set db.password=a\\,b,db.user=ann --wait",
        "helm upgrade x --set db.password=[REDACTED],db.user=ann --wait",
    ),
    (
        "helm upgrade x --set=db.password=hunter2,db.user=ann",
        "helm upgrade x --set=db.password=[REDACTED],db.user=ann",
    ),
    (
        "rclone config create s3 s3 secret_access_key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "rclone config create s3 s3 secret_access_key [REDACTED]",
    ),
];

#[test]
fn command_lines_without_a_password_are_shown() {
    let texts = [
        "make Avahi hit an assert()); problem identified by \"jamesh\"",
        "please login to continue - or press q",
        "docker login r.io",
        "az login --use-device-code",
        "user login -h",
        "login: ann",
        "kv put secret/db @data.json",
        "openssl passwd -6 -stdin",
        "openssl x509 -in a.pem -noout",
        "rabbitmqctl add_user ann",
        "--set-env-vars STAGE=prod,DEBUG=1",
        "identified by the user",
        "curl -fsSLo out.tgz https://h:8080/x",
        "curl -Lu https://h:80/x",
        "unzip -q a.zip -d out",
        "htpasswd -c f ann",
        "codecov -f cov.xml",
        "vercel deploy --target preview",
        "sqlplus / as sysdba",
        "sqlplus @script/run.sql",
        "useradd -m -s /bin/bash ann",
        "nuget push x.nupkg",
        "snyk auth --help",
        "pulumi config set --secret dbPassword",
        "helm upgrade x --set auth.existingSecret=db,replicas=2",
    ];
    check_all(texts.map(|text| (text, text)));
}
