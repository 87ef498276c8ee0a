//! Which file may use which: checks the layers of `ARCHITECTURE.md` against the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::sources::{from_root, module, paths, product, root, sources, words};

/// A rule: none of the files may contain any of the paths.
struct Rule {
    /// Folders and files, from the root of the workspace.
    files: &'static [&'static str],
    /// Exceptions from `files`.
    except: &'static [&'static str],
    /// Prefixes of paths, or names of `cfg` conditions.
    never: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        files: &["crates/udpair-io/src"],
        except: &[],
        never: &[
            "udpair",
            "tokio",
            "mio",
            "hickory_proto",
            "futures_core",
            "rand",
            "idna",
        ],
        why: "udpair-io uses addresses, bytes and io::Error, but no runtime and no names",
    },
    Rule {
        files: &["crates/udpair/src", "crates/udpair-cli/src"],
        except: &["crates/udpair/src/driver/readiness"],
        never: &[
            "libc",
            "socket2",
            "mio",
            "target_os",
            "target_family",
            "std::os",
        ],
        why: "only udpair-io depends on the operating system",
    },
    Rule {
        files: &["crates/udpair/src/driver/readiness"],
        except: &[],
        never: &["libc", "socket2", "mio"],
        why: "this folder only registers a socket with the runtime",
    },
    Rule {
        files: &["crates/udpair-io/src"],
        except: &["crates/udpair-io/src/system.rs"],
        never: &["target_os"],
        why: "one file selects the operating system",
    },
    Rule {
        files: &["crates/udpair-io/src"],
        except: &["crates/udpair-io/src/system"],
        never: &["libc"],
        why: "system calls are in the system folder",
    },
    Rule {
        files: &["crates/udpair/src"],
        except: &["crates/udpair/src/driver.rs", "crates/udpair/src/driver"],
        never: &["tokio"],
        why: "only the driver uses the runtime",
    },
    Rule {
        files: &["crates/udpair/src"],
        except: &["crates/udpair/src/resolve/dns/wire.rs"],
        never: &["hickory_proto"],
        why: "one file uses the DNS library",
    },
    Rule {
        files: &["crates/udpair/src"],
        except: &["crates/udpair/src/observe.rs"],
        never: &["tracing", "metrics"],
        why: "one file emits tracing events and metrics",
    },
    Rule {
        files: &["crates/udpair/src/observe.rs"],
        except: &[],
        never: &[
            "crate::driver",
            "crate::error",
            "crate::message",
            "crate::name",
            "crate::resolve",
            "crate::socket",
            "udpair_io",
        ],
        why: "events and metrics consist of text and numbers",
    },
    Rule {
        files: &["crates/udpair/src/resolve.rs", "crates/udpair/src/resolve"],
        except: &[],
        never: &["crate::socket", "crate::message"],
        why: "name resolution does not depend on sockets",
    },
    Rule {
        files: &["crates/udpair/src/name.rs", "crates/udpair/src/name"],
        except: &[],
        never: &[
            "crate::resolve",
            "crate::network",
            "crate::socket",
            "crate::driver",
            "crate::message",
        ],
        why: "names are values",
    },
    Rule {
        files: &["crates/udpair/src/data.rs", "crates/udpair/src/data"],
        except: &[],
        never: &[
            "crate::name",
            "crate::resolve",
            "crate::network",
            "crate::socket",
            "crate::driver",
            "crate::message",
            "crate::observe",
            "futures_core",
        ],
        why: "data are values: only the error type and bytes are known here",
    },
    Rule {
        files: &["crates/udpair/src/network.rs", "crates/udpair/src/network"],
        except: &[],
        never: &["crate::resolve", "crate::socket", "crate::message"],
        why: "the network files do not depend on sockets",
    },
    Rule {
        files: &["crates/udpair/src/driver.rs", "crates/udpair/src/driver"],
        except: &[],
        never: &[
            "crate::name",
            "crate::network",
            "crate::resolve",
            "crate::socket",
            "crate::message",
        ],
        why: "the driver moves datagrams, and does not implement the model's rules",
    },
    Rule {
        files: &["crates/udpair-winrt/src"],
        except: &[],
        never: &[
            "udpair_io",
            "tokio",
            "libc",
            "socket2",
            "target_os",
            "target_family",
            "std::os",
            "std::net::UdpSocket",
            "std::net::TcpStream",
            "std::net::ToSocketAddrs",
        ],
        why: "the WinRT spelling knows no system and no runtime: udpair has both",
    },
    Rule {
        files: &[
            "crates/udpair-winrt/src/foundation.rs",
            "crates/udpair-winrt/src/foundation",
        ],
        except: &[],
        never: &[
            "crate::connectivity",
            "crate::cryptography",
            "crate::networking",
            "crate::sockets",
            "crate::storage_streams",
        ],
        why: "operations do not depend on what they are operations of",
    },
    Rule {
        files: &[
            "crates/udpair-winrt/src/storage_streams.rs",
            "crates/udpair-winrt/src/storage_streams",
        ],
        except: &[],
        never: &[
            "udpair::background",
            "udpair::DatagramSocket",
            "crate::connectivity",
            "crate::cryptography",
            "crate::networking",
            "crate::sockets",
        ],
        why: "readers and writers need no runtime, and know streams instead of sockets",
    },
    Rule {
        files: &["bindings/node/src"],
        except: &[],
        never: &[
            "udpair",
            "udpair_io",
            "tokio",
            "libc",
            "socket2",
            "target_os",
            "std::net::UdpSocket",
            "std::net::TcpStream",
            "std::net::ToSocketAddrs",
            "std::thread",
        ],
        why: "a binding is glue over udpair-winrt: it has no sockets, threads or rules of its own",
    },
    Rule {
        files: &["bindings/node/src"],
        except: &[
            "bindings/node/src/js.rs",
            "bindings/node/src/mailbox.rs",
            "bindings/node/src/uv.rs",
        ],
        never: &["std::ptr", "std::ffi", "std::os", "libloading"],
        why: "three files call C, each with its argument",
    },
    Rule {
        files: &["bindings/c/src"],
        except: &[],
        never: &[
            "libc",
            "socket2",
            "mio",
            "tokio",
            "udpair_io",
            "target_os",
            "std::net::UdpSocket",
        ],
        why: "a binding decides nothing: it calls the members of the object model",
    },
    Rule {
        files: &["crates/udpair-bench/src"],
        except: &[
            "crates/udpair-bench/src/system.rs",
            "crates/udpair-bench/src/system",
        ],
        never: &["libc"],
        why: "the system calls of the harness are in one folder",
    },
    Rule {
        files: &["crates/udpair-bench/src"],
        except: &[
            "crates/udpair-bench/src/peer.rs",
            "crates/udpair-bench/src/peer/udpair.rs",
            "crates/udpair-bench/src/pure.rs",
        ],
        never: &["udpair"],
        why: "only the peers of the harness depend on what is measured",
    },
    Rule {
        files: &["xtask/src"],
        except: &[],
        never: &["udpair_bench", "quinn_udp", "hickory_resolver", "libc"],
        why: "xtask runs the harness, but does not link it",
    },
    Rule {
        files: &["crates/udpair/src/socket/link"],
        except: &[],
        never: &[
            "crate::socket::builder",
            "crate::socket::link::Link",
            "crate::socket::link::SendFailure",
            "crate::socket::many",
            "crate::socket::multicast",
            "crate::socket::open",
            "crate::socket::receive",
            "crate::socket::send",
            "crate::socket::shared",
        ],
        why: "code that runs while a lock is held cannot take that lock or notify waiters",
    },
    Rule {
        files: &["crates/udpair/src/socket/settings.rs"],
        except: &[],
        never: &["crate::socket"],
        why: "settings are values",
    },
    Rule {
        files: &[
            "crates/udpair/src/socket/open.rs",
            "crates/udpair/src/socket/open",
        ],
        except: &[],
        never: &["crate::socket::receive", "crate::socket::send"],
        why: "opening does not depend on sending or receiving; a send depends on opening to bind",
    },
    Rule {
        files: &[
            "crates/udpair/src/socket/receive.rs",
            "crates/udpair/src/socket/receive",
        ],
        except: &[],
        never: &["crate::socket::open", "crate::socket::send"],
        why: "receiving does not depend on opening and sending",
    },
    Rule {
        files: &[
            "crates/udpair/src/socket/send.rs",
            "crates/udpair/src/socket/send",
        ],
        except: &[],
        never: &["crate::socket::receive"],
        why: "sending does not depend on receiving",
    },
    // Pure files: no clock, no random numbers, no file, no socket.
    Rule {
        files: &[
            "crates/udpair/src/data/byte_order.rs",
            "crates/udpair/src/data/guid.rs",
            "crates/udpair/src/data/reader.rs",
            "crates/udpair/src/data/text.rs",
            "crates/udpair/src/data/ticks.rs",
            "crates/udpair/src/data/writer.rs",
            "crates/udpair/src/resolve/srv.rs",
            "crates/udpair/src/resolve/order.rs",
            "crates/udpair/src/resolve/pairs.rs",
            "crates/udpair/src/resolve/services.rs",
            "crates/udpair/src/resolve/hosts.rs",
            "crates/udpair/src/resolve/special.rs",
            "crates/udpair/src/resolve/dns/alias.rs",
            "crates/udpair/src/resolve/dns/cache.rs",
            "crates/udpair/src/resolve/dns/labels.rs",
            "crates/udpair/src/resolve/dns/name_servers.rs",
            "crates/udpair/src/resolve/dns/srv_order.rs",
            "crates/udpair/src/resolve/dns/wire.rs",
            "crates/udpair/src/network/change.rs",
            "crates/udpair/src/socket/lifecycle.rs",
            "crates/udpair/src/socket/link/filter.rs",
            "crates/udpair-io/src/gso.rs",
            "crates/udpair-io/src/segment.rs",
            "crates/udpair-io/src/system/linux/control.rs",
            "crates/udpair-io/src/system/linux/proc_net.rs",
            "crates/udpair-io/src/system/linux/rtnetlink.rs",
            "bindings/node/src/record.rs",
            "crates/udpair-winrt/src/numbered.rs",
            "crates/udpair-cli/src/units.rs",
            "crates/udpair-cli/src/escape.rs",
            "crates/udpair-cli/src/render.rs",
            "crates/udpair-cli/src/render/adapter.rs",
            "crates/udpair-cli/src/render/message.rs",
            "crates/udpair-cli/src/clock.rs",
            "crates/udpair-cli/src/hex.rs",
            "crates/udpair-cli/src/pcapng.rs",
            "crates/udpair-cli/src/prefix.rs",
        ],
        except: &[],
        never: &[
            "std::fs",
            "Instant::now",
            "SystemTime::now",
            "std::thread",
            "std::env",
            "std::process",
            "std::net::UdpSocket",
            "std::net::TcpStream",
            "rand",
            "udpair_io",
            "crate::driver",
            "tokio",
            "libc",
        ],
        why: "pure: clocks, random numbers and files are passed in as arguments",
    },
];

#[test]
fn every_file_uses_only_its_layer_and_those_below() {
    let root = root();
    let mut broken = Vec::new();
    for rule in RULES {
        let files = sources(&root, rule.files);
        assert!(!files.is_empty(), "no such files: {:?}", rule.files);
        for file in files {
            let name = file.strip_prefix(&root).unwrap();
            if rule.except.iter().any(|except| name.starts_with(except)) {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let module = module(in_crate(name));
            for path in paths(product(&text)) {
                // Rules contain absolute paths, but files may write relative ones.
                let path = match from_root(&path, &module) {
                    Some(target) if path.contains("::") => format!("crate::{}", target.join("::")),
                    _ => path,
                };
                let forbidden = rule
                    .never
                    .iter()
                    .find(|never| path == **never || path.starts_with(&format!("{never}::")));
                if let Some(never) = forbidden {
                    broken.push(format!(
                        "{}: uses {never} ({path}); {}",
                        name.display(),
                        rule.why
                    ));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Returns the path of a file below the source folder of its crate.
fn in_crate(name: &Path) -> &str {
    let name = name.to_str().unwrap();
    name.split_once("src/").map_or(name, |(_, file)| file)
}

/// The last rule lists every file whose documentation says that it is pure.
#[test]
fn files_documented_as_pure_are_checked() {
    let root = root();
    let pure = RULES.last().unwrap();
    for file in sources(&root, &["bindings/node/src", "crates"]) {
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let head: String = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        if head.contains("Pure:") || head.contains("Pure.") {
            assert!(
                pure.files.contains(&name),
                "{name} is documented as pure, but no rule checks it"
            );
        }
    }
}

/// The manifests follow the layers.
#[test]
fn every_crate_has_only_its_allowed_dependencies() {
    for (name, allowed) in [
        (
            "udpair-io",
            &[
                "bytes",
                "libc",
                "netlink-packet-core",
                "once_cell",
                "socket2",
                "uuid",
            ] as &[_],
        ),
        (
            "udpair",
            &[
                "bytes",
                "futures-core",
                "futures-sink",
                "hickory-proto",
                "idna",
                "metrics",
                "once_cell",
                "rand",
                "tokio",
                "tracing",
                "udpair-io",
            ],
        ),
        (
            "udpair-cli",
            &[
                "clap",
                "clap_complete",
                "clap_mangen",
                "hickory-server",
                "serde",
                "serde_json",
                "terminal_size",
                "tokio",
                "udpair",
            ],
        ),
        ("udpair-winrt", &["bytes", "udpair"]),
        ("../bindings/c", &["bytes", "udpair-winrt"]),
        (
            "udpair-bench",
            &[
                "bytes",
                "futures-util",
                "hickory-resolver",
                "libc",
                "quinn-udp",
                "serde_json",
                "tokio",
                "udpair",
                "udpair-winrt",
            ],
        ),
        (
            "../bindings/node",
            &["bytes", "libloading", "napi", "napi-derive", "udpair-winrt"],
        ),
    ] {
        let manifest = root().join("crates").join(name).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let mut is_product = false;
        let found: BTreeSet<_> = text
            .lines()
            .filter(|line| {
                let is_heading = line.starts_with('[');
                if is_heading {
                    // Includes dependencies of one target, but not `dev-dependencies`.
                    is_product = *line == "[dependencies]" || line.ends_with(".dependencies]");
                }
                is_product && !is_heading
            })
            .filter_map(|line| line.split(['.', ' ', '=']).next())
            .filter(|word| !word.is_empty())
            .collect();
        assert_eq!(found, allowed.iter().copied().collect(), "{name}");
    }
}

/// The harness depends on other implementations. Its dependencies must not change what is shipped.
#[test]
fn no_crate_depends_on_the_harness() {
    let root = root();
    let crates = fs::read_dir(root.join("crates")).unwrap();
    let folders = crates.map(|entry| entry.unwrap().path());
    for folder in folders.chain([root.join("xtask")]) {
        let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let names = text.lines().filter(|line| line.starts_with("udpair-bench"));
        assert_eq!(names.count(), 0, "{}", folder.display());
    }
}

#[test]
fn unsafe_code_is_only_in_the_system_folders_and_where_the_driver_registers() {
    let root = root();
    for file in sources(&root, &["bindings/node/src", "crates", "xtask"]) {
        let name = file.strip_prefix(&root).unwrap();
        let system_folders = [
            "crates/udpair-io/src/system",
            "crates/udpair-bench/src/system",
        ];
        // The folder, and the root file next to it.
        let is_system = system_folders
            .iter()
            .any(|system| name.starts_with(system) || name.with_extension("") == Path::new(system));
        let is_register = name == Path::new(REGISTER);
        let is_glue = GLUE.iter().any(|glue| name == Path::new(glue));
        let text = fs::read_to_string(&file).unwrap();
        let uses = words(&text).filter(|word| word == "unsafe").count();
        assert!(
            is_system || is_register || is_glue || uses == 0,
            "{}",
            name.display()
        );
        if is_register {
            assert_eq!(uses, 1, "{}", name.display());
        }
    }
}

/// The C ABI looks behind the pointers of its callers in a few files.
#[test]
fn the_c_abi_looks_behind_pointers_in_few_files() {
    let root = root();
    let may = [
        "buffer.rs",
        "callback.rs",
        "handle.rs",
        "owned.rs",
        "text.rs",
    ];
    for file in sources(&root, &["bindings/c/src"]) {
        let text = fs::read_to_string(&file).unwrap();
        let uses = words(&text).filter(|word| word == "unsafe").count();
        let exported = text.matches("#[unsafe(no_mangle)]").count();
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(uses == exported || may.contains(&name), "{name}");
    }
}

/// The files that call what JavaScript and its event loop have in C.
const GLUE: &[&str] = &[
    "bindings/node/src/js.rs",
    "bindings/node/src/mailbox.rs",
    "bindings/node/src/uv.rs",
];

/// The file that hands a descriptor to the runtime.
const REGISTER: &str = "crates/udpair/src/driver/readiness/unix.rs";
