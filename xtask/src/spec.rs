//! `cargo xtask spec`: checks that every rule of `MODEL.md` has a test, and that every rule that a
//! test cites is in `MODEL.md`.
//!
//! A test cites a rule by its number in the doc comment: `/// CON-09: ...`. The cases of the
//! interop suites in this crate do the same. A test in JavaScript cites it in the lines above its call
//! of `test`, and one in C++ above `TEST(name)`: `// CON-09: ...`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::command::root;

/// Checks the rules and prints the coverage. With `write`, first updates the test names in
/// `MODEL.md`.
pub(crate) fn run(write: bool) -> ExitCode {
    match check(write) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            println!();
            for problem in problems {
                println!("WRONG    {problem}");
            }
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Checks the rules. The error lists the problems.
pub(crate) fn check_all() -> Result<(), String> {
    let problems = check(false)?;
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

fn check(write: bool) -> Result<Vec<String>, String> {
    let root = root();
    let path = root.join("MODEL.md");
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let mut citations = Citations::default();
    for file in sources(&root)? {
        let name = file
            .strip_prefix(&root)
            .unwrap_or(&file)
            .display()
            .to_string();
        citations.read(&name, &read(&file)?);
    }
    let mut text = read(&path)?;
    if write {
        text = with_tests(&text, &citations.tests);
        fs::write(&path, &text).map_err(|error| format!("cannot write MODEL.md: {error}"))?;
    }
    let model = Model::parse(&text);
    model.print_coverage(&citations.tests);
    Ok(model.problems(&citations, &text))
}

/// The rules that the source files cite.
#[derive(Debug, Default)]
struct Citations {
    /// The tests that cite a rule.
    tests: BTreeMap<String, BTreeSet<String>>,
    /// The files that contain a rule's number anywhere.
    anywhere: BTreeMap<String, BTreeSet<String>>,
}

impl Citations {
    fn read(&mut self, file: &str, text: &str) {
        if file.ends_with(".mjs") {
            return self.read_script(file, text);
        }
        if file.ends_with(".cpp") {
            return self.read_cpp(file, text);
        }
        // A case of an interop suite is a test without the `#[test]` attribute.
        let is_suite = file.starts_with("xtask/src/interop");
        let mut cited: BTreeSet<String> = BTreeSet::new();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            for rule in rules_in(line) {
                self.anywhere
                    .entry(rule)
                    .or_default()
                    .insert(file.to_owned());
            }
            if let Some(comment) = line.strip_prefix("///") {
                cited.extend(rules_in(comment));
            } else if line.starts_with("#[") {
                is_test |= line.contains("test]") || line.contains("test(");
            } else if !(is_inside_attribute(line) && is_test) {
                if let Some(function) = function_name(line)
                    && (is_test || is_suite)
                {
                    let test = format!("{}::{function}", module(file));
                    for rule in &cited {
                        self.tests
                            .entry(rule.clone())
                            .or_default()
                            .insert(test.clone());
                    }
                }
                cited.clear();
                is_test = false;
            }
        }
    }
}

impl Citations {
    /// Reads a file of tests in C++.
    fn read_cpp(&mut self, file: &str, text: &str) {
        let theme = module(file.trim_end_matches(".cpp"));
        let mut cited = BTreeSet::new();
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("//") {
                cited.extend(rules_in(comment));
                continue;
            }
            for rule in &cited {
                let files = self.anywhere.entry(rule.clone()).or_default();
                files.insert(file.to_owned());
                if let Some(test) = line.strip_prefix("TEST(") {
                    let test = test.trim_end_matches(')');
                    let tests = self.tests.entry(rule.clone()).or_default();
                    tests.insert(format!("{theme}::{test}"));
                }
            }
            cited.clear();
        }
    }

    /// Reads a file of tests in JavaScript.
    fn read_script(&mut self, file: &str, text: &str) {
        let name = file.rsplit('/').next().unwrap_or(file);
        let theme = name.split('.').next().unwrap_or(name);
        let mut cited = BTreeSet::new();
        for line in text.lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix("//") {
                cited.extend(rules_in(comment));
                continue;
            }
            for rule in &cited {
                let files = self.anywhere.entry(rule.clone()).or_default();
                files.insert(file.to_owned());
                if let Some(title) = title(line) {
                    let tests = self.tests.entry(rule.clone()).or_default();
                    tests.insert(format!("node::{theme}::{title}"));
                }
            }
            cited.clear();
        }
    }
}

/// Returns the name of a test in JavaScript, from the line that begins it, with underscores for all
/// but letters and digits.
fn title(line: &str) -> Option<String> {
    let rest = line.strip_prefix("test(")?;
    let quote = rest
        .chars()
        .next()
        .filter(|quote| "'`\"".contains(*quote))?;
    let title = rest[1..].split(quote).next()?;
    let words = title.split(|c: char| !c.is_alphanumeric());
    Some(
        words
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("_"),
    )
}

/// Returns whether a line may belong to an attribute that spans several lines.
fn is_inside_attribute(line: &str) -> bool {
    line.is_empty() || line.starts_with(')')
}

fn function_name(line: &str) -> Option<&str> {
    let rest = line.split_once("fn ")?.1;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(&rest[..end])
}

/// Returns the path that a file's tests are named by: `udpair::it::connect`, `udpair::name::host`.
fn module(file: &str) -> String {
    let name = file.trim_end_matches(".rs");
    let name = match name
        .split_once("/tests/")
        .or_else(|| name.split_once("/src/"))
    {
        Some((folder, module)) => {
            let krate = folder.rsplit('/').next().unwrap_or(folder);
            format!("{krate}/{module}")
        }
        None => name.to_owned(),
    };
    name.replace('/', "::")
}

/// Returns the rule numbers in a text: three or four letters, a hyphen, two digits.
fn rules_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let is_rule = |word: &&str| {
        word.split_once('-').is_some_and(|(area, number)| {
            AREAS.contains(&area) && number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit())
        })
    };
    words.filter(is_rule).map(ToOwned::to_owned).collect()
}

/// The rules that `MODEL.md` lists.
#[derive(Debug, Default)]
struct Model {
    /// The rules in force, in the order of the page, each with the tests named there.
    rules: Vec<(String, BTreeSet<String>)>,
    /// The rules of parts that do not exist yet.
    deferred: BTreeSet<String>,
}

impl Model {
    fn parse(text: &str) -> Self {
        let mut model = Self::default();
        let mut is_deferred = false;
        for line in text.lines() {
            is_deferred |= line.starts_with("## Rules that wait");
            if is_deferred {
                model.deferred.extend(rules_in(line));
            } else if let Some(rule) = rule_of(line) {
                model.rules.push((rule.to_owned(), BTreeSet::new()));
            } else if let Some(tests) = line.strip_prefix(TESTS)
                && let Some((_, named)) = model.rules.last_mut()
            {
                let names = tests.split('`').skip(1).step_by(2);
                named.extend(names.map(ToOwned::to_owned));
            }
        }
        model
    }

    fn print_coverage(&self, tests: &BTreeMap<String, BTreeSet<String>>) {
        let mut areas: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
        for (rule, _) in &self.rules {
            let area = areas.entry(area_of(rule)).or_default();
            let count = tests.get(rule).map_or(0, BTreeSet::len);
            area.0 += 1;
            area.1 += usize::from(count > 0);
            area.2 += count;
        }
        println!("area   rules  tested  tests");
        for (area, (rules, tested, tests)) in &areas {
            println!("{area:<6} {rules:>5} {tested:>7} {tests:>6}");
        }
        let tested = areas.values().map(|area| area.1).sum::<usize>();
        println!(
            "all    {:>5} {tested:>7}; {} rules are deferred",
            self.rules.len(),
            self.deferred.len()
        );
    }

    fn problems(&self, citations: &Citations, text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let mut known = BTreeSet::new();
        for (rule, named) in &self.rules {
            if !known.insert(rule.clone()) || self.deferred.contains(rule) {
                problems.push(format!("{rule} is defined twice in MODEL.md"));
            }
            let found = citations.tests.get(rule).cloned().unwrap_or_default();
            if found.is_empty() {
                problems.push(format!("{rule} has no test"));
            } else if found != *named {
                problems.push(format!(
                    "{rule} does not name the tests that cite it: run `cargo xtask spec --write`"
                ));
            }
        }
        for (rule, files) in &citations.anywhere {
            let is_tested = citations.tests.contains_key(rule);
            if !known.contains(rule) && (is_tested || !self.deferred.contains(rule)) {
                let files = files.iter().cloned().collect::<Vec<_>>().join(", ");
                problems.push(format!(
                    "{rule} is cited but is not a rule in force: {files}"
                ));
            }
        }
        if text.lines().filter(|line| rule_of(line).is_some()).count() == 0 {
            problems.push("MODEL.md has no rules".into());
        }
        problems
    }
}

/// Returns the number of the rule that a line of `MODEL.md` begins.
fn rule_of(line: &str) -> Option<&str> {
    let (rule, _) = line.strip_prefix("**")?.split_once("**")?;
    (rules_in(rule) == [rule]).then_some(rule)
}

fn area_of(rule: &str) -> &str {
    rule.split('-').next().unwrap_or(rule)
}

/// Returns the page with the names of the tests that cite each rule.
fn with_tests(text: &str, tests: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut rule = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(found) = rule_of(line) {
            rule = Some(found);
        }
        match rule {
            Some(rule) if line.starts_with(TESTS) => {
                let names = tests.get(rule).cloned().unwrap_or_default();
                let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                lines.push(
                    format!("{TESTS} {}", names.join(", "))
                        .trim_end()
                        .to_owned(),
                );
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

/// Returns the Rust files below `crates` and `xtask/src`, and the tests in JavaScript and C++, sorted,
/// without this file.
fn sources(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut folders = vec![
        root.join("bindings/cpp/tests"),
        root.join("bindings/node/test"),
        root.join("crates"),
        root.join("xtask/src"),
    ];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|e| e == "rs" || e == "mjs" || e == "cpp")
                && !path.ends_with("spec.rs")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

const TESTS: &str = "*Tests:*";

/// The areas of rules: the part of a rule's number before the hyphen.
const AREAS: &[&str] = &[
    "ADR", "BND", "BRC", "BRK", "BUF", "CAN", "CLS", "CON", "CTL", "DGS", "DR", "DW", "EPP", "ERR",
    "GEN", "GEP", "HOST", "INF", "MCG", "MSG", "NET", "OUT", "PRJ", "SRV", "STR", "SVC",
];

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
/// CON-09, CON-08: senders other than the peer.
#[tokio::test]
async fn a_test() {}

/// Not a test, but it mentions CON-07.
fn helper() {}

#[test]
fn without_rule() {}
";

    #[test]
    fn tests_cite_rules_by_their_numbers() {
        let mut citations = Citations::default();
        citations.read("crates/udpair/tests/it/connect.rs", SOURCE);
        let name = BTreeSet::from(["udpair::it::connect::a_test".to_owned()]);
        assert_eq!(citations.tests.get("CON-09"), Some(&name));
        assert_eq!(citations.tests.get("CON-08"), Some(&name));
        assert_eq!(citations.tests.get("CON-07"), None);
        assert!(citations.anywhere.contains_key("CON-07"));
    }

    const SCRIPT: &str = "
// PRJ-03, MSG-02: handlers.
test('a handler\u{2019}s name', () => {});

// Not above a test: MSG-01.
const x = 1;
for (const way of ways) {
  // CLS-01
  test(`it ends, with ${way}`, async () => {});
}
";

    #[test]
    fn tests_in_javascript_cite_rules_above_them() {
        let mut citations = Citations::default();
        citations.read("bindings/node/test/page.test.mjs", SCRIPT);
        let named = |name: &str| BTreeSet::from([format!("node::page::{name}")]);
        let tests = &citations.tests;
        assert_eq!(tests.get("PRJ-03"), Some(&named("a_handler_s_name")));
        assert_eq!(tests.get("CLS-01"), Some(&named("it_ends_with_way")));
        assert_eq!(tests.get("MSG-01"), None);
    }

    #[test]
    fn tests_in_cpp_cite_rules_before_their_names() {
        let source = "// CON-01: helpers only\nstruct helper\n{\n};\n\n// MSG-12, CON-09: text\n\
                      TEST(an_event)\n{\n    // CON-02\n}\n\nTEST(another)\n";
        let mut citations = Citations::default();
        citations.read("bindings/cpp/tests/sockets.cpp", source);
        let name = BTreeSet::from(["cpp::sockets::an_event".to_owned()]);
        assert_eq!(citations.tests.get("MSG-12"), Some(&name));
        assert_eq!(citations.tests.get("CON-09"), Some(&name));
        assert_eq!(citations.tests.get("CON-01"), None);
        assert_eq!(citations.tests.get("CON-02"), None);
    }

    #[test]
    fn mismatches_between_rules_and_tests_are_reported() {
        let mut citations = Citations::default();
        citations.read("crates/udpair/tests/it/connect.rs", SOURCE);
        let page = "**CON-09** a\n*Tests:*\n**CON-10** b\n*Tests:*\n## Rules that wait\n- CON-07\n";
        let model = Model::parse(page);
        let problems = model.problems(&citations, page).join("\n");
        assert!(
            problems.contains("CON-09 does not name the tests"),
            "{problems}"
        );
        assert!(problems.contains("CON-10 has no test"), "{problems}");
        assert!(problems.contains("CON-08 is cited"), "{problems}");
        assert!(!problems.contains("CON-07"), "{problems}");

        let written = with_tests(page, &citations.tests);
        assert!(
            written.contains("**CON-09** a\n*Tests:* `udpair::it::connect::a_test`\n"),
            "{written}"
        );
    }

    #[test]
    fn only_an_area_a_hyphen_and_two_digits_are_a_rule_number() {
        assert_eq!(
            rules_in("CON-09, (SRV-10): X-11 RFC-2782 UTF-8 CON-9 XCON-09"),
            ["CON-09", "SRV-10"]
        );
    }
}
