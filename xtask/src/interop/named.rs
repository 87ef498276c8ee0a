//! BIND, which serves a test zone on a high port of loopback.

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
    /// Starts a server for `example.test` with these records. Their names are relative to it.
    pub(crate) fn serve(records: &str) -> Result<Self, String> {
        let folder = Folder::new("named")?;
        let port = free_port()?;
        let path = folder.path().display();
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
                   directory \"{path}\";\n\
                   listen-on port {port} {{ 127.0.0.1; }};\n\
                   listen-on-v6 {{ none; }};\n\
                   recursion no;\n\
                   querylog yes;\n\
                   check-srv-cname ignore;\n\
                   pid-file \"{path}/pid\";\n\
                   session-keyfile \"{path}/key\";\n\
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
        if let Some(message) = log
            .iter()
            .find(|line| line.contains("zone example.test") && !line.contains("loaded"))
        {
            return Err(format!("named rejects the test zone: {message}"));
        }
        Ok(Self {
            daemon,
            address: format!("127.0.0.1:{port}"),
            _folder: folder,
        })
    }

    /// Returns the queries since the last call, as "name type".
    pub(crate) fn queries(&mut self) -> Result<Vec<String>, String> {
        // A last query as a fence: when it is in the log, all queries before it are.
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
        let queries = log.iter().filter_map(|line| {
            let (_, query) = line.split_once("query: ")?;
            let mut words = query.split(' ');
            let (name, _class, kind) = (words.next()?, words.next()?, words.next()?);
            (!name.starts_with("fence.")).then(|| format!("{name} {kind}"))
        });
        Ok(queries.collect())
    }
}
