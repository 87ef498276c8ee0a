//! `cargo xtask dist --prefix DIR`: installs the libraries for C and C++ with their headers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::command::{cargo, root, run as run_program};

/// Builds the libraries and installs them below `prefix`.
pub(crate) fn run(prefix: &str) -> ExitCode {
    let built = run_program(&mut cargo(&[
        "build",
        "--package",
        "udpair-c",
        "--profile",
        "dist",
        "--locked",
    ]));
    let installed = built.and_then(|()| install(Path::new(prefix), &target().join("dist")));
    match installed {
        Ok(()) => {
            println!("installed below {prefix}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the target folder of the workspace.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Installs the libraries from a folder of cargo, and all that goes with them.
///
/// # Errors
///
/// A file cannot be copied; the text names it.
pub(crate) fn install(prefix: &Path, built: &Path) -> Result<(), String> {
    let root = root();
    let (include, lib) = (prefix.join("include"), prefix.join("lib"));
    copy(
        &root.join("bindings/c/include/udpair.h"),
        &include.join("udpair.h"),
    )?;
    copy_folder(
        &root.join("bindings/cpp/include/winrt"),
        &include.join("winrt"),
    )?;
    libraries(built, &lib)?;
    let fill = |text: &str| text.replace("@VERSION@", VERSION);
    write(&lib.join("pkgconfig/udpair.pc"), &fill(PKG_CONFIG))?;
    let cmake = lib.join("cmake/udpair");
    write(&cmake.join("udpairConfig.cmake"), &fill(CMAKE))?;
    write(
        &cmake.join("udpairConfigVersion.cmake"),
        &fill(CMAKE_VERSION),
    )?;
    let docs = prefix.join("share/doc/udpair");
    for name in ["LICENSE-APACHE", "LICENSE-MIT", "docs/cpp.md"] {
        let file = Path::new(name).file_name().unwrap_or_default();
        copy(&root.join(name), &docs.join(file))?;
    }
    copy_folder(
        &root.join("bindings/cpp/examples"),
        &docs.join("examples/cpp"),
    )?;
    copy_folder(&root.join("bindings/c/examples"), &docs.join("examples/c"))
}

/// Installs the libraries by their names: `libudpair.a`, and `libudpair.so` with its versions.
fn libraries(built: &Path, lib: &Path) -> Result<(), String> {
    copy(&built.join("libudpair_c.a"), &lib.join("libudpair.a"))?;
    let suffix = std::env::consts::DLL_SUFFIX;
    let built = built.join(format!("libudpair_c{suffix}"));
    if suffix != ".so" {
        return copy(&built, &lib.join(format!("libudpair{suffix}")));
    }
    let (major, _) = VERSION.split_once('.').unwrap_or((VERSION, ""));
    let whole = format!("libudpair.so.{VERSION}");
    copy(&built, &lib.join(&whole))?;
    #[cfg(unix)]
    for link in [format!("libudpair.so.{major}"), "libudpair.so".into()] {
        let link = lib.join(link);
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&whole, &link)
            .map_err(|error| format!("cannot link {}: {error}", link.display()))?;
    }
    let _ = major;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    create_parent(to)?;
    // A running program may have the old file open.
    let _ = fs::remove_file(to);
    fs::copy(from, to).map(drop).map_err(|error| {
        format!(
            "cannot copy {} to {}: {error}",
            from.display(),
            to.display()
        )
    })
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let entries =
        fs::read_dir(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
    for entry in entries.flatten() {
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy_folder(&path, &copied)?,
            false => copy(&path, &copied)?,
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    create_parent(path)?;
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn create_parent(path: &Path) -> Result<(), String> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .map_err(|error| format!("cannot create {}: {error}", parent.display()))
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the file is decides what the prefix is, so that the folder can be moved.
const PKG_CONFIG: &str = "\
prefix=${pcfiledir}/../..
includedir=${prefix}/include
libdir=${prefix}/lib

Name: udpair
Description: UDP sockets by name: host and service names, SRV records, batches
URL: https://github.com/udpair/udpair
Version: @VERSION@
License: MIT OR Apache-2.0
Cflags: -I${includedir}
Libs: -L${libdir} -ludpair
Libs.private: -lpthread -ldl -lm
";

const CMAKE: &str = "\
# Targets: udpair::udpair, the shared library, and udpair::static.
get_filename_component(_udpair_prefix \"${CMAKE_CURRENT_LIST_DIR}/../../..\" ABSOLUTE)
find_package(Threads QUIET)

if(NOT TARGET udpair::udpair)
  add_library(udpair::udpair SHARED IMPORTED)
  set_target_properties(udpair::udpair PROPERTIES
    IMPORTED_LOCATION \"${_udpair_prefix}/lib/libudpair${CMAKE_SHARED_LIBRARY_SUFFIX}\"
    INTERFACE_INCLUDE_DIRECTORIES \"${_udpair_prefix}/include\"
    INTERFACE_COMPILE_FEATURES cxx_std_20)
  if(CMAKE_SYSTEM_NAME STREQUAL \"Linux\")
    string(REGEX MATCH \"^[0-9]+\" _udpair_major \"@VERSION@\")
    set_target_properties(udpair::udpair PROPERTIES
      IMPORTED_SONAME \"libudpair.so.${_udpair_major}\")
  endif()

  add_library(udpair::static STATIC IMPORTED)
  set_target_properties(udpair::static PROPERTIES
    IMPORTED_LOCATION \"${_udpair_prefix}/lib/libudpair.a\"
    INTERFACE_INCLUDE_DIRECTORIES \"${_udpair_prefix}/include\"
    INTERFACE_COMPILE_FEATURES cxx_std_20)
  if(UNIX)
    set_target_properties(udpair::static PROPERTIES
      INTERFACE_LINK_LIBRARIES \"${CMAKE_THREAD_LIBS_INIT};${CMAKE_DL_LIBS};m\")
  endif()
endif()
";

const CMAKE_VERSION: &str = "\
set(PACKAGE_VERSION \"@VERSION@\")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION STREQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
";
