//! An in-memory DynamoDB for the tests: dynoxide on a loopback port, gone when its parent is.
//!
//! It says where it is in one line on stdout, once it accepts connections, and serves until its stdin ends. A parent
//! that is killed closes that pipe with its last breath, so no server outlives the test that started it.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::{env, thread};

use dynoxide::{Database, server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const USAGE: &str = "usage: ddb-local [--port PORT] [--db FILE]; it serves until its stdin ends";

/// What the command line asks for: any free port and memory, unless it says otherwise.
#[derive(Default)]
struct Options {
    port: u16,
    file: Option<String>,
}

fn main() -> ExitCode {
    match Options::parse(env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // A stderr that is closed leaves nobody to tell.
            let _ = writeln!(io::stderr(), "ddb-local: {problem}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(USAGE)?;
            match name.as_str() {
                "--port" => options.port = value.parse().map_err(|_| format!("{value} is no port; {USAGE}"))?,
                "--db" => options.file = Some(value),
                _ => return Err(format!("{name} is unknown; {USAGE}")),
            }
        }
        Ok(options)
    }

    fn open(&self) -> Result<Database, String> {
        match &self.file {
            None => Database::memory().map_err(|problem| format!("cannot make a database in memory: {problem}")),
            Some(file) => Database::new(file).map_err(|problem| format!("cannot open {file}: {problem}")),
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let database = options.open()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|problem| format!("cannot start a runtime: {problem}"))?;
    runtime.block_on(serve(database, options.port))
}

async fn serve(database: Database, port: u16) -> Result<(), String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|problem| format!("cannot listen on 127.0.0.1:{port}: {problem}"))?;
    announce(&listener).map_err(|problem| format!("cannot say where it listens: {problem}"))?;
    // Whatever is still under way is dropped: nobody is left to read the answer.
    tokio::select! {
        () = server::serve_on(listener, database) => Err("the server ended by itself".to_owned()),
        _ = end_of_stdin() => Ok(()),
    }
}

fn announce(listener: &TcpListener) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "http://{}", listener.local_addr()?)?;
    stdout.flush()
}

/// Resolves when stdin has ended, or cannot be read any more.
fn end_of_stdin() -> oneshot::Receiver<()> {
    let (ended, receiver) = oneshot::channel();
    thread::spawn(move || {
        let mut ignored = [0; 256];
        while matches!(io::stdin().read(&mut ignored), Ok(length) if length > 0) {}
        // Only fails when the server has ended first.
        let _ = ended.send(());
    });
    receiver
}
