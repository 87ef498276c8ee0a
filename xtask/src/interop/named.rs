//! BIND, serving a zone of ours on a high port of loopback.

use std::process::Command;

use super::daemon::{Daemon, Folder, free_port};
use super::udpair::Udpair;
use crate::command::find;

/// A running `named`.
pub(crate) struct Named {
    daemon: Daemon,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    _folder: Folder,
}

impl Named {
    /// Serves `example.test` with these records; the names in them are below it.
    pub(crate) fn serve(records: &str) -> Result<Self, String> {
        let folder = Folder::new("named")?;
        let port = free_port()?;
        let place = folder.path().display();
        let zone = format!(
            "$TTL 60\n\
             @ IN SOA ns hostmaster 1 3600 600 86400 30\n\
             @ IN NS ns\n\
             ns IN A 127.0.0.1\n\
             {records}\n"
        );
        let zone = folder.write("zone", &zone)?;
        let configuration = folder.write(
            "named.conf",
            &format!(
                "options {{\n\
                   directory \"{place}\";\n\
                   listen-on port {port} {{ 127.0.0.1; }};\n\
                   listen-on-v6 {{ none; }};\n\
                   recursion no;\n\
                   querylog yes;\n\
                   check-srv-cname ignore;\n\
                   pid-file \"{place}/pid\";\n\
                   session-keyfile \"{place}/key\";\n\
                 }};\n\
                 controls {{ }};\n\
                 zone \"example.test\" {{ type primary; file \"{zone}\"; }};\n"
            ),
        )?;
        let program = find("named").ok_or("there is no named")?;
        let mut command = Command::new(program);
        command.args(["-f", "-g", "-c", &configuration]);
        let mut daemon = Daemon::start("named", &mut command, "all zones loaded")?;
        let log = daemon.take_log();
        if let Some(complaint) = log
            .iter()
            .find(|line| line.contains("zone example.test") && !line.contains("loaded"))
        {
            return Err(format!("named does not take our zone: {complaint}"));
        }
        Ok(Self {
            daemon,
            address: format!("127.0.0.1:{port}"),
            _folder: folder,
        })
    }

    /// Returns the questions that came in since this was last called, as "name type".
    pub(crate) fn questions(&mut self) -> Result<Vec<String>, String> {
        // A last question of our own, so that all before it are in the log when it is.
        let fence = Udpair::run(&[
            "resolve",
            "-4",
            "fence.example.test",
            "1",
            "--dns",
            &self.address,
        ])?;
        fence.has_code(3)?;
        self.daemon.wait_for("query: fence.example.test")?;
        let log = self.daemon.take_log();
        let questions = log.iter().filter_map(|line| {
            let (_, question) = line.split_once("query: ")?;
            let mut words = question.split(' ');
            let (name, _class, kind) = (words.next()?, words.next()?, words.next()?);
            (!name.starts_with("fence.")).then(|| format!("{name} {kind}"))
        });
        Ok(questions.collect())
    }
}
