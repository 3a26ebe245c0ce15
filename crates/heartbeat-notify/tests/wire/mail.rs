//! A stub of a mail server: it records every line, and plays the replies that it was given, byte by byte.
#![allow(unreachable_pub, reason = "a part of test binaries")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// What the stub says: to the connection first, then to each command, and to a message as to a command.
pub const TAKES_ALL: [&str; 7] = [GREETING, EHLO, "250 ok", "250 ok", "354 go on", "250 taken", "221 bye"];
pub const GREETING: &str = "220 mail.example.org ESMTP";
pub const EHLO: &str = "250-mail.example.org\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME";
/// It says nothing, ever.
pub const SILENCE: &str = "(silence)";
/// It hangs up.
pub const END: &str = "(end)";

/// A certificate of a name, signed by itself.
pub struct Certificate {
    pub certificate: String,
    pub key: String,
}

impl Certificate {
    pub fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let certificate = rustls::pki_types::CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// The server, for as long as its test's runtime lives.
pub struct MailStub {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl MailStub {
    pub async fn playing<'a>(replies: impl IntoIterator<Item = &'a str>) -> Self {
        Self::start(replies, None).await
    }

    /// The same, encrypted from the first byte on.
    pub async fn encrypted<'a>(replies: impl IntoIterator<Item = &'a str>, by: &Certificate) -> Self {
        Self::start(replies, Some(by.acceptor())).await
    }

    async fn start<'a>(replies: impl IntoIterator<Item = &'a str>, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let replies: VecDeque<String> = replies.into_iter().map(str::to_owned).collect();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let written = Arc::clone(&heard);
        tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            match acceptor {
                None => converse(tcp, replies, &written).await,
                Some(acceptor) => {
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    converse(tls, replies, &written).await;
                }
            }
        });
        Self { port, heard }
    }

    /// Every line that was heard, and a message as one.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, replies: VecDeque<String>, heard: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    let mut is_message = false;
    for (number, reply) in replies.into_iter().enumerate() {
        if number > 0 {
            let Some(said) = hear(&mut stream, is_message).await else { return };
            heard.lock().unwrap().push(said);
        }
        match reply.as_str() {
            SILENCE => std::future::pending::<()>().await,
            END => return,
            reply => {
                // One that hangs up before the end has heard enough.
                let _ = stream.write_all(format!("{reply}\r\n").as_bytes()).await;
                let _ = stream.flush().await;
            }
        }
        is_message = reply.starts_with("354");
    }
}

async fn hear(stream: &mut (impl AsyncBufReadExt + Unpin), is_message: bool) -> Option<String> {
    let mut said = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match (is_message, line.as_str()) {
            (false, _) => return Some(line.trim_end().to_owned()),
            (true, ".\r\n") => return Some(said),
            (true, _) => said.push_str(&line),
        }
    }
}
