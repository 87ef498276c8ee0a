//! Answers that no good server sends, kept from fuzzing, and one of each form.

use std::fs;
use std::path::Path;

use crate::support::made_up_answers::Server;

/// SRV-08, SRV-11
#[test]
fn every_kept_answer_leads_to_an_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions/dns_answers");
    let server = Server::start();
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        server.resolve(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 0);
}
