//! The suite for C and C++: headers, tests, examples and the installed package, with two compilers,
//! the address sanitizer and valgrind.

pub(crate) mod bench;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::command::{cargo, root, run as run_program};
use crate::dist::{self, target};
use crate::header;
use crate::packages;
use crate::suite::{Outcome, Report};

/// Runs the suite.
pub(crate) fn add(report: &mut Report) {
    report.run("the C ABI and the headers of C++", || {
        for (program, package) in NEEDS {
            if let Err(why) = packages::need(program, package) {
                return Outcome::NotRun(why);
            }
        }
        cases().into()
    });
}

/// The programs that the suite needs, and the Debian packages that contain them.
const NEEDS: &[(&str, &str)] = &[
    ("g++", "g++"),
    ("clang++", "clang"),
    ("valgrind", "valgrind"),
    ("cmake", "cmake"),
    ("make", "make"),
    ("pkg-config", "pkg-config"),
];

/// A case. It returns what it saw, or why it failed.
type Case = fn(&World) -> Result<String, String>;

fn cases() -> Result<(), String> {
    let arguments = ["build", "--locked", "--quiet"];
    let packages = ["--package", "udpair-c", "--package", "udpair-cli"];
    run_program(&mut cargo(&[&arguments[..], &packages].concat()))?;
    let folder = target().join("cpp");
    let _ = fs::remove_dir_all(&folder);
    let world = World {
        prefix: folder.join("prefix"),
        folder,
    };
    dist::install(&world.prefix, &target().join("debug"))?;
    let cases: &[(&str, Case)] = &[
        ("the header of the C ABI fits its sources", |_| {
            header::check().map(|()| "as written down".into())
        }),
        ("every header compiles alone, without a warning", headers),
        ("the tests, by g++ with its sanitizers", sanitized),
        ("the tests, by clang", optimized),
        ("the same, under valgrind", under_valgrind),
        ("the examples, by pkg-config and CMake", examples),
    ];
    for (name, case) in cases {
        let started = Instant::now();
        let seen = case(&world).map_err(|why| format!("{name}: {why}"))?;
        let seconds = started.elapsed().as_secs_f64();
        println!("    {name}: {seen} ({seconds:.1} s)");
    }
    Ok(())
}

struct World {
    /// What the suite builds.
    folder: PathBuf,
    /// Where the package is installed.
    prefix: PathBuf,
}

impl World {
    /// Returns a command that compiles against the installed package.
    fn compiler(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .args(["-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
            .arg("-I")
            .arg(self.prefix.join("include"));
        if name.ends_with("++") {
            command.arg("-std=c++20");
        }
        command
    }

    /// Adds what links with the installed library.
    fn link(&self, command: &mut Command) {
        let lib = self.prefix.join("lib");
        command.arg("-L").arg(&lib).arg("-ludpair");
        command.arg(format!("-Wl,-rpath,{}", lib.display()));
    }

    /// Compiles the tests, and returns the program.
    fn tests(&self, compiler: &str, name: &str, flags: &[&str]) -> Result<PathBuf, String> {
        let folder = self.folder.join(name);
        create(&folder)?;
        let sources = files(&root().join("bindings/cpp/tests"), "cpp")?;
        let states = root().join("conformance/states.txt");
        let objects: Vec<_> = sources.iter().map(|it| object(&folder, it)).collect();
        let commands = sources.iter().zip(&objects).map(|(source, object)| {
            let mut command = self.compiler(compiler);
            command
                .args(flags)
                .arg(format!("-DUDPAIR_STATES=\"{}\"", states.display()))
                .arg("-c")
                .arg(source)
                .arg("-o")
                .arg(object);
            command
        });
        all(commands.collect())?;
        let program = folder.join("tests");
        let mut link = self.compiler(compiler);
        link.args(flags).args(&objects).arg("-o").arg(&program);
        self.link(&mut link);
        output(&mut link)?;
        Ok(program)
    }
}

/// Every header of the package compiles alone, as C and as C++.
fn headers(world: &World) -> Result<String, String> {
    let folder = world.folder.join("headers");
    create(&folder)?;
    let include = world.prefix.join("include");
    let mut headers = files(&include.join("winrt"), "h")?;
    headers.push(include.join("udpair.h"));
    let mut commands = Vec::new();
    for header in &headers {
        let name = header.strip_prefix(&include).unwrap_or(header);
        let source = folder.join(name.display().to_string().replace(['/', '.'], "_"));
        let text = format!("#include <{0}>\n#include <{0}>\n", name.display());
        for (extension, compilers) in [("cpp", ["g++", "clang++"]), ("c", ["gcc", "clang"])] {
            if extension == "c" && !header.ends_with("udpair.h") {
                continue;
            }
            let source = source.with_extension(extension);
            fs::write(&source, &text).map_err(|error| error.to_string())?;
            for compiler in compilers {
                let mut command = world.compiler(compiler);
                if extension == "c" {
                    command.arg("-std=c11");
                }
                command.args(["-Wshadow", "-fsyntax-only"]).arg(&source);
                commands.push(command);
            }
        }
    }
    let count = commands.len();
    all(commands)?;
    Ok(format!("{} headers, {count} compilations", headers.len()))
}

/// The tests pass under the sanitizers, which also look for leaks. The freed memory that they keep
/// would look like a leak of 10,000 sockets.
fn sanitized(world: &World) -> Result<String, String> {
    let flags = [
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=undefined",
    ];
    let program = world.tests("g++", "sanitized", &flags)?;
    ran(Command::new(program).args(["--except", "thousand"]))
}

/// The tests pass as another compiler has made them.
fn optimized(world: &World) -> Result<String, String> {
    ran(&mut Command::new(world.tests(
        "clang++",
        "clang",
        &["-O1", "-gdwarf-4"],
    )?))
}

/// The tests pass under valgrind, but for those that are many sockets: 10,000 take too long there.
fn under_valgrind(world: &World) -> Result<String, String> {
    let suppressions = root().join("bindings/cpp/tests/valgrind.supp");
    let valgrind = |program: &Path| {
        let mut command = Command::new("valgrind");
        command
            .args(["-q", "--error-exitcode=9", "--leak-check=full"])
            .args([
                "--show-leak-kinds=definite",
                "--errors-for-leak-kinds=definite",
            ])
            .arg(format!("--suppressions={}", suppressions.display()))
            .arg(program);
        command
    };
    let tests = world.folder.join("clang/tests");
    ran(valgrind(&tests).args(["--except", "thousand"]))
}

/// The examples are built from the installed package, and do the main job by SRV records.
fn examples(world: &World) -> Result<String, String> {
    let folder = world.folder.join("examples");
    create(&folder)?;
    let root = root();
    // By pkg-config, as C.
    let flags = output(
        Command::new("pkg-config")
            .args(["--cflags", "--libs", "udpair"])
            .env("PKG_CONFIG_PATH", world.prefix.join("lib/pkgconfig")),
    )?;
    let flags: Vec<_> = flags.split_whitespace().collect();
    let in_c = folder.join("connect-c");
    let lib = world.prefix.join("lib");
    for compiler in ["clang", "gcc"] {
        let mut command = Command::new(compiler);
        command
            .args(["-std=c11", "-D_DEFAULT_SOURCE", "-g", "-Wall", "-Wextra"])
            .args(["-Wpedantic", "-Werror"])
            .arg(root.join("bindings/c/examples/connect.c"))
            .arg("-o")
            .arg(&in_c)
            .args(&flags)
            .arg(format!("-Wl,-rpath,{}", lib.display()));
        output(&mut command)?;
    }
    // By CMake, as C++.
    let source = world.prefix.join("share/doc/udpair/examples/cpp");
    let mut configure = Command::new("cmake");
    configure
        .arg("-S")
        .arg(&source)
        .arg("-B")
        .arg(folder.join("cmake"))
        .arg(format!("-DCMAKE_PREFIX_PATH={}", world.prefix.display()))
        .arg("-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror");
    output(&mut configure)?;
    output(
        Command::new("cmake")
            .arg("--build")
            .arg(folder.join("cmake")),
    )?;

    // The page, too.
    let page = folder.join("page.cpp");
    fs::write(&page, program_of_the_page()?).map_err(|error| error.to_string())?;
    output(world.compiler("g++").arg("-fsyntax-only").arg(&page))?;

    let demo = Demo::start()?;
    let mut programs = vec![
        folder.join("cmake/connect"),
        folder.join("cmake/connect-static"),
    ];
    for program in &programs {
        let mut command = Command::new(program);
        let seen = output(command.args(["example.test", "echo", &demo.server]))?;
        let is_reply = seen.contains("connected to") && seen.contains("received \"Hello, world\"");
        if !is_reply {
            return Err(format!("{} says {seen:?}", program.display()));
        }
    }
    let suppressions = root.join("bindings/cpp/tests/valgrind.supp");
    let mut command = Command::new("valgrind");
    command
        .args(["-q", "--error-exitcode=9", "--leak-check=full"])
        .args([
            "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite",
        ])
        .arg(format!("--suppressions={}", suppressions.display()))
        .arg(&in_c)
        .args(["example.test", "echo", "Hello, C", &demo.server]);
    let seen = output(&mut command)?;
    if seen.trim() != "Hello, C" {
        return Err(format!("the example in C says {seen:?}"));
    }
    let failed = Command::new(&programs[0])
        .args(["nobody.example.test", "echo", &demo.server])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&failed.stderr);
    if failed.status.code() != Some(1) || !text.contains("(status 6)") {
        return Err(format!("for a name that does not exist it says {text:?}"));
    }
    programs.push(in_c);
    Ok(format!("{} programs by SRV", programs.len()))
}

/// Returns the first program in C++ of `docs/cpp.md`.
fn program_of_the_page() -> Result<String, String> {
    let page = fs::read_to_string(root().join("docs/cpp.md")).map_err(|error| error.to_string())?;
    let program = page
        .split_once("```cpp\n")
        .and_then(|(_, rest)| rest.split_once("```"));
    let (program, _) = program.ok_or("docs/cpp.md has no program")?;
    Ok(program.to_owned())
}

/// The servers of the demo.
struct Demo {
    child: std::process::Child,
    server: String,
}

impl Demo {
    fn start() -> Result<Self, String> {
        use std::io::{BufRead, BufReader};

        let program = target().join(format!("debug/udpair{}", std::env::consts::EXE_SUFFIX));
        let mut child = Command::new(&program)
            .args(["demo", "--serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let lines = child.stdout.take().map(BufReader::new);
        let mut demo = Self {
            child,
            server: String::new(),
        };
        for line in lines
            .into_iter()
            .flat_map(BufRead::lines)
            .map_while(Result::ok)
        {
            if let Some((_, server)) = line.split_once("DNS server at ") {
                demo.server = server.trim().to_owned();
                return Ok(demo);
            }
        }
        Err("the demo does not tell its server".into())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program of tests, and returns its last line.
fn ran(command: &mut Command) -> Result<String, String> {
    let text = output(command)?;
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

/// Runs a program, and returns what it prints. If it fails, the error is all that it has printed.
fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} failed: {}\n{text}{errors}", output.status))
}

/// Runs commands, as many at once as the machine has processors.
fn all(commands: Vec<Command>) -> Result<(), String> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let commands = std::sync::Mutex::new(commands);
    let work = || {
        loop {
            let next = commands.lock().map_or(None, |mut commands| commands.pop());
            match next {
                Some(mut command) => output(&mut command)?,
                None => return Ok(()),
            };
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut results = workers.into_iter().map(thread::ScopedJoinHandle::join);
        results.try_for_each(|result| result.unwrap_or_else(|_| Err("a worker panicked".into())))
    })
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    found.sort();
    Ok(found)
}

fn object(folder: &Path, source: &Path) -> PathBuf {
    let name = source.file_stem().unwrap_or_default();
    folder.join(name).with_extension("o")
}

fn create(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))
}
