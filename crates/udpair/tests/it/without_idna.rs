//! Host names in a build without the feature `idna`.

use udpair::{Endpoint, ErrorKind, HostName};

/// HOST-06: what cannot be converted is refused, and the error names the feature.
#[test]
fn a_name_that_is_not_ascii_is_an_error_that_names_the_feature() {
    for text in [
        "bücher.example",
        "例え。テスト",
        "faß.example",
        "a。example",
        "１２７.0.0.1",
    ] {
        let error = text.parse::<HostName>().expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
        for part in [text, "feature \"idna\""] {
            assert!(error.to_string().contains(part), "{error}");
        }
        let error = format!("{text}:stun").parse::<Endpoint>().expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
    }
}

/// HOST-12, HOST-13: A-labels are names, and shown as they were written: in Unicode they could not
/// be read back.
#[test]
fn an_a_label_is_kept_as_it_is_written() {
    for (raw, canonical, display) in [
        (
            "xn--bcher-kva.example",
            "xn--bcher-kva.example",
            "xn--bcher-kva.example",
        ),
        (
            "XN--BCHER-KVA.Example.",
            "xn--bcher-kva.example",
            "XN--BCHER-KVA.Example",
        ),
    ] {
        let name: HostName = raw.parse().unwrap();
        assert_eq!(name.raw_name(), raw);
        assert_eq!(name.canonical_name(), canonical);
        assert_eq!(name.to_string(), display);
        assert_eq!(name.to_string().parse::<HostName>().unwrap(), name);
    }
}
