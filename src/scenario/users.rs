//! `[users]`: who the virtual users are, counted up or read from a file.

use std::collections::HashSet;
use std::ops::Range;

use super::problem::{Problem, nearest};
use super::read::{Reader, Text, Value, grouped};
use super::{Secret, Surroundings, TokenFlow, UserRecord, UserSource, Users};
use crate::protocol::dialect::{Accounts, Dialect, UserNames};

pub(super) const USERS_KEYS: &[&str] = &["count", "generate", "file", "provision"];
pub(super) const GENERATE_KEYS: &[&str] = &["name", "domain", "password"];
/// Most users: their index has 24 bits in a publish id.
pub(super) const USERS_MAX: u64 = 1 << 24;
/// Mistakes in the user file beyond this many are not looked for.
const FILE_PROBLEMS_MAX: usize = 100;

/// How users say who they are, as far as it could be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credentials {
    pub(super) flow: Option<TokenFlow>,
    pub(super) dialect: Option<&'static Dialect>,
}

impl Credentials {
    /// Whether a name needs a domain, as far as can be told.
    fn have_domain(self) -> bool {
        self.dialect.is_some_and(|dialect| dialect.user_names == UserNames::WithDomain)
    }
}

/// The users, as far as they could be read, with the places that later checks point at.
#[derive(Debug)]
pub(super) struct DraftUsers {
    pub(super) count: Option<u32>,
    pub(super) count_place: Range<usize>,
    pub(super) source: Option<UserSource>,
    provision: Option<bool>,
}

impl DraftUsers {
    pub(super) fn finish(self) -> Option<Users> {
        Some(Users { count: self.count?, provision: self.provision?, source: self.source? })
    }
}

/// `[users]`.
pub(super) fn users(
    reader: &mut Reader,
    value: &Value<'_>,
    login: Credentials,
    around: &Surroundings<'_>,
) -> Option<DraftUsers> {
    let fields = reader.table("`[users]`", value, USERS_KEYS)?;
    let mut count = fields
        .get("count")
        .and_then(|value| reader.whole("`count`", value, 1..=USERS_MAX))
        .and_then(|count| u32::try_from(count).ok());
    let mut count_place = fields.get("count").map_or(fields.place.clone(), |value| value.span());
    let source = match (fields.get("generate"), fields.get("file")) {
        (Some(generate), None) => {
            if fields.get("count").is_none() {
                let problem = Problem::at(fields.place.clone(), "`count` is missing in `[users]`");
                reader.missing(problem.help("say how many users to generate: `count = 100`"));
            }
            generated(reader, generate, login)
        }
        (None, Some(file)) => {
            let records = listed(reader, file, login, around);
            if let Some(records) = &records {
                let found = records.len();
                if fields.get("count").is_none() {
                    count = u32::try_from(found).ok();
                    count_place = file.span();
                }
                if let Some(wanted) = count.filter(|wanted| *wanted as usize > found) {
                    let message =
                        format!("the user file has {} users, `count` asks for {wanted}", grouped(found as u64));
                    reader.problem(
                        Problem::at(count_place.clone(), message).help("add users to the file, or lower `count`"),
                    );
                }
            }
            records.map(UserSource::Listed)
        }
        (Some(_), Some(file)) => {
            let message = "`[users]` has both `generate` and `file`";
            reader.problem(Problem::at(file.span(), message).help("keep one of the two"));
            None
        }
        (None, None) => {
            let way = "write `generate = { name = \"{1001}\", domain = \"example.com\", password = \"${env:PBX_PASSWORD}\" }`, or `file = \"users.csv\"`";
            reader.missing(Problem::at(fields.place.clone(), "`[users]` does not say who the users are").help(way));
            None
        }
    };
    let provision = match fields.get("provision") {
        Some(value) => reader.boolean("`provision`", value).and_then(|wanted| provision(reader, value, wanted, login)),
        None => Some(false),
    };
    Some(DraftUsers { count, count_place, source, provision })
}

/// Whether accounts are to be created, where that is possible.
fn provision(reader: &mut Reader, value: &Value<'_>, wanted: bool, login: Credentials) -> Option<bool> {
    let Some(dialect) = login.dialect.filter(|_| wanted) else { return Some(wanted) };
    let problem = if dialect.accounts != Accounts::OnRequest {
        let message =
            format!("`provision = true` cannot be done: the accounts of a {} are its administrator's", dialect.server);
        Problem::at(value.span(), message).help("create the users there, and drop `provision`")
    } else if login.flow == Some(TokenFlow::Token) {
        let message =
            "`provision = true` needs passwords, and `flow = \"token\"` brings tokens of accounts that are there";
        Problem::at(value.span(), message).help("write `flow = \"password\"` in `[auth]`, or drop `provision`")
    } else {
        return Some(true);
    };
    reader.problem(problem);
    None
}

fn generated(reader: &mut Reader, value: &Value<'_>, login: Credentials) -> Option<UserSource> {
    let fields = reader.table("`generate`", value, GENERATE_KEYS)?;
    if login.flow == Some(TokenFlow::Token) {
        let message = "`flow = \"token\"` needs a token for each user, and generated users have none";
        let way = "read the users from a file with the columns name, domain and token: `file = \"users.csv\"`";
        reader.problem(Problem::at(value.span(), message).help(way));
    }
    let name = fields
        .need(reader, "name", "write the pattern of the names, such as `name = \"{1001}\"`")
        .and_then(|value| reader.text("`name`", value))
        .and_then(|text| pattern(reader, &text));
    let domain = match fields.get("domain") {
        None if !login.have_domain() => Some(String::new()),
        _ => fields
            .need(reader, "domain", "write the users' SIP domain, such as `domain = \"example.com\"`")
            .and_then(|value| filled(reader, "`domain`", value)),
    };
    let password = fields
        .need(reader, "password", "write `password = \"${env:PBX_PASSWORD}\"`")
        .and_then(|value| secret(reader, value));
    let (prefix, first, width, suffix) = name?;
    Some(UserSource::Generated { prefix, first, width, suffix, domain: domain?, password: password? })
}

/// A text that is not empty.
fn filled(reader: &mut Reader, name: &str, value: &Value<'_>) -> Option<String> {
    let text = reader.text(name, value)?;
    if text.text.trim().is_empty() {
        reader.problem(Problem::at(text.place, format!("{name} is empty")));
        return None;
    }
    Some(text.text.to_owned())
}

fn secret(reader: &mut Reader, value: &Value<'_>) -> Option<Secret> {
    match value.get_ref().as_str() {
        _ if reader.is_failed(&value.span()) => None,
        Some("") => {
            reader.problem(Problem::at(value.span(), "`password` is empty"));
            None
        }
        Some(text) => Some(Secret::new(text)),
        None => {
            // What is there may be a password all the same: a number is not shown.
            let problem = Problem::at(value.span(), "`password` must be a text in quotes");
            reader.problem(problem.expected("expected a text such as `\"${env:PBX_PASSWORD}\"`"));
            None
        }
    }
}

/// Text before the number, the first number, its digits, text after it.
fn pattern(reader: &mut Reader, text: &Text<'_>) -> Option<(String, u64, usize, String)> {
    let parts = text.text.split_once('{').and_then(|(prefix, rest)| {
        let (digits, suffix) = rest.split_once('}')?;
        let is_number = !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_single = !suffix.contains(['{', '}']) && !prefix.contains('}');
        (is_number && is_single).then_some((prefix, digits, suffix))
    });
    let Some((prefix, digits, suffix)) = parts else {
        let message = format!("`name` needs one number in braces to count up from: `{}`", text.shown);
        let problem = Problem::at(text.place.clone(), message).expected("expected a pattern such as `{1001}`");
        reader.problem(problem.help("`{1001}` makes 1001, 1002, …; `user{001}` makes user001, user002, …"));
        return None;
    };
    Some((prefix.to_owned(), digits.parse().ok()?, digits.len(), suffix.to_owned()))
}

fn listed(
    reader: &mut Reader,
    value: &Value<'_>,
    login: Credentials,
    around: &Surroundings<'_>,
) -> Option<Vec<UserRecord>> {
    let path = reader.text_as("`file`", value, "the path of a CSV file")?;
    match (around.read_file)(path.text) {
        Ok(text) => UserFile { name: path.shown.into_owned(), place: path.place, login }.read(reader, &text),
        Err(error) => {
            let message = format!("cannot read the user file `{}`: {error}", path.shown);
            let way = "paths are relative to the scenario file; columns are name, domain and password (or token)";
            reader.problem(Problem::at(path.place, message).help(way));
            None
        }
    }
}

struct UserFile {
    name: String,
    place: Range<usize>,
    login: Credentials,
}

impl UserFile {
    fn read(&self, reader: &mut Reader, text: &str) -> Option<Vec<UserRecord>> {
        // Spreadsheets begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
        let columns = self.columns(reader, csv.headers().ok()?)?;
        let mut records = Vec::new();
        let mut seen = HashSet::new();
        let mut mistakes = 0;
        for row in csv.records() {
            if mistakes >= FILE_PROBLEMS_MAX || records.len() as u64 >= USERS_MAX {
                break;
            }
            let result = match &row {
                Ok(row) => record(row, columns),
                // The error's own text may repeat the line, and with it a password.
                Err(_) => Err("this line is no valid CSV".to_owned()),
            };
            let line = match &row {
                Ok(row) => row.position().map_or(0, csv::Position::line),
                Err(error) => error.position().map_or(0, csv::Position::line),
            };
            let line = usize::try_from(line).unwrap_or(0);
            let result = result.and_then(|record| match seen.insert((record.name.clone(), record.domain.clone())) {
                true => Ok(record),
                false => Err(format!("the user `{}` is in the file twice", whole_name(&record))),
            });
            match result {
                Ok(record) => records.push(record),
                Err(message) => {
                    mistakes += 1;
                    reader.problem(Problem::in_file(&self.name, line, message));
                }
            }
        }
        if records.is_empty() && mistakes == 0 {
            let message = format!("the user file `{}` has no users", self.name);
            reader.problem(Problem::at(self.place.clone(), message));
        }
        (mistakes == 0 && !records.is_empty()).then_some(records)
    }

    /// Positions of name, domain and credential; a domain may be missing where names have none.
    fn columns(&self, reader: &mut Reader, header: &csv::StringRecord) -> Option<(usize, Option<usize>, usize)> {
        let (credential, other) = match self.login.flow {
            Some(TokenFlow::Token) => ("token", "password"),
            _ => ("password", "token"),
        };
        let wanted = ["name", "domain", credential];
        let first_line =
            if self.login.have_domain() { format!("name,domain,{credential}") } else { format!("name,{credential}") };
        let mut is_fine = true;
        for word in header.iter().filter(|word| !wanted.contains(word) && *word != other) {
            // A file without a header has a user in its first line: the word is shown only when it is near a known one.
            let problem = match nearest(word, &wanted) {
                Some(near) => Problem::in_file(&self.name, 1, format!("unknown column `{word}`"))
                    .help(format!("did you mean `{near}`?")),
                None => Problem::in_file(&self.name, 1, "the header has an unknown column"),
            };
            reader.problem(problem.help(format!("the first line is `{first_line}`")));
            is_fine = false;
        }
        let position = |word: &str| header.iter().position(|column| column == word);
        let found = wanted.map(position);
        for (word, position) in wanted.into_iter().zip(found) {
            let is_needed = word != "domain" || self.login.have_domain();
            if position.is_none() && is_fine && is_needed {
                let problem = Problem::in_file(&self.name, 1, format!("the column `{word}` is missing"));
                let problem = problem.help(format!("the first line is `{first_line}`"));
                reader.problem(match word == credential && position_of(header, other) {
                    true if word == "token" => problem.help("`flow = \"token\"` takes tokens, not passwords"),
                    true => problem.help("write `flow = \"token\"` in `[auth]` to use the tokens of the file"),
                    false => problem,
                });
            }
        }
        match (is_fine, found) {
            (true, [Some(name), domain, Some(credential)]) if domain.is_some() || !self.login.have_domain() => {
                Some((name, domain, credential))
            }
            _ => None,
        }
    }
}

/// A user's name with its domain, if it has one.
fn whole_name(record: &UserRecord) -> String {
    if record.domain.is_empty() { record.name.clone() } else { format!("{}@{}", record.name, record.domain) }
}

fn position_of(header: &csv::StringRecord, word: &str) -> bool {
    header.iter().any(|column| column == word)
}

fn record(
    row: &csv::StringRecord,
    (name, domain, credential): (usize, Option<usize>, usize),
) -> Result<UserRecord, String> {
    let cell = |column: usize, what: &str| match row.get(column) {
        Some("") | None => Err(format!("the {what} is missing")),
        Some(text) => Ok(text.to_owned()),
    };
    Ok(UserRecord {
        name: cell(name, "name")?,
        domain: domain.map_or(Ok(String::new()), |domain| cell(domain, "domain"))?,
        credential: Secret::new(cell(credential, "password or token")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Loaded, Overrides, Problems, Source, load};

    const GENERATE: &str =
        "generate = { name = \"{1001}\", domain = \"example.com\", password = \"${env:PBX_PASSWORD:-secret}\" }";

    fn with(users: &str, flow: &str) -> Result<Loaded, Problems> {
        let text = include_str!("../../tests/contract/office.toml").replace(GENERATE, users).replace("\"oauth\"", flow);
        let around = Surroundings {
            variable: &|name| (name == "SECRET").then(|| "from the environment".to_owned()),
            read_file: &|path| match path {
                "users.csv" => {
                    let lines: String = (0..200).map(|i| format!("example.com,u{i},\"p,{i}\",t{i}\r\n")).collect();
                    Ok(format!("\u{feff}domain,name,password,token\r\n{lines}"))
                }
                "password.txt" => Ok("from a file\n".to_owned()),
                _ => Err("no such file".to_owned()),
            },
        };
        load(&Source { name: "office.toml".into(), text }, &Overrides::default(), &around)
    }

    #[test]
    fn a_file_has_columns_in_any_order_and_the_credential_of_the_flow() {
        for (flow, wanted) in [("\"oauth\"", "p,199"), ("\"token\"", "t199")] {
            let loaded = with("file = \"users.csv\"", flow).unwrap_or_else(|problems| panic!("{problems}"));
            let UserSource::Listed(records) = loaded.scenario.users.source else { panic!("a list") };
            let last = records.last().expect("200 of them");
            assert_eq!((last.name.as_str(), last.credential.reveal()), ("u199", wanted));
        }
    }

    #[test]
    fn a_password_comes_from_the_environment_or_a_file() {
        for (written, wanted) in [("${env:SECRET}", "from the environment"), ("${file:password.txt}", "from a file")] {
            let users = format!("generate = {{ name = \"x{{007}}y\", domain = \"d\", password = \"{written}\" }}");
            let loaded = with(&users, "\"oauth\"").unwrap_or_else(|problems| panic!("{problems}"));
            let UserSource::Generated { prefix, first, width, suffix, password, .. } = loaded.scenario.users.source
            else {
                panic!("generated")
            };
            assert_eq!((prefix.as_str(), first, width, suffix.as_str()), ("x", 7, 3, "y"));
            assert_eq!(password.reveal(), wanted);
            assert!(loaded.effective.contains(written) && !loaded.effective.contains(wanted));
        }
    }
}
