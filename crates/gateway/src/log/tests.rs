use super::{Line, Log, LogFormat, LogMode, shown};
use jiff::Timestamp;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

fn line(path: &str) -> Line {
    Line {
        time: Timestamp::UNIX_EPOCH,
        route: Some("/".into()),
        caller: "-".into(),
        peer: None,
        method: "POST".into(),
        path: shown(path),
        status: Some(503),
        problem: Some("no-token"),
        denied: None,
        sent: Some("no"),
        broken: None,
        waited_ms: 20_000,
        upstream_ms: 0,
        total_ms: 20_001,
        bytes_in: 0,
        bytes_out: 240,
        attempts: 0,
        generation: None,
        protocol: "HTTP/1.1",
    }
}

fn logged(format: LogFormat, tell: impl FnOnce(&Log)) -> String {
    let sink = Sink::default();
    let (log, thread) = Log::start(LogMode::Own, format, Box::new(sink.clone())).unwrap();
    tell(&log);
    log.end(&thread);
    thread.join().unwrap();
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_line_is_an_object_or_a_few_words() {
    let json = logged(LogFormat::Json, |log| log.line(Some("no-token"), line("/a")));
    assert_eq!(
        json,
        "{\"time\":\"1970-01-01T00:00:00Z\",\"route\":\"/\",\"caller\":\"-\",\"method\":\"POST\",\"path\":\"/a\",\"status\":503,\
         \"problem\":\"no-token\",\"sent\":\"no\",\"waited_ms\":20000,\"upstream_ms\":0,\"total_ms\":20001,\"bytes_in\":0,\
         \"bytes_out\":240,\"attempts\":0,\"protocol\":\"HTTP/1.1\"}\n"
    );
    let short = logged(LogFormat::Short, |log| log.line(None, line("/a")));
    assert_eq!(short, "00:00:00 POST /a 503 no-token, sent: no 20001 ms\n");
}

#[test]
fn of_one_reason_ten_lines_are_written_and_the_rest_are_counted() {
    let text = logged(LogFormat::Short, |log| {
        (0..25).for_each(|_| log.line(Some("queue-full"), line("/a")));
        log.line(Some("path"), line("/b"));
        (0..20).for_each(|_| log.line(None, line("/c")));
    });
    assert_eq!(text.matches("POST /a ").count(), 10, "{text}");
    assert!(text.contains("15 more: queue-full\n") && text.contains("POST /b "), "{text}");
    assert_eq!(text.matches("POST /c ").count(), 20);
}

#[test]
fn a_reader_that_has_gone_away_holds_up_nobody() {
    let (log, thread) = Log::start(LogMode::All, LogFormat::Json, Box::new(Closed)).unwrap();
    (0..10_000).for_each(|_| log.line(None, line("/")));
    log.end(&thread);
    thread.join().unwrap();
}

#[test]
fn a_path_is_escaped_and_cut() {
    assert_eq!(shown("/a b\"\\\u{1b}[31mé"), r"/a\x20b\x22\x5c\x1b[31m\xc3\xa9");
    let long = shown(&"/x".repeat(1000));
    assert!(long.len() <= 260 && long.ends_with("/x..."), "{long}");
}

#[test]
fn what_is_logged_depends_on_the_mode() {
    let wants = |mode| {
        let (log, thread) = Log::start(mode, LogFormat::Json, Box::new(io::sink())).unwrap();
        let wants = (log.wants(true), log.wants(false));
        log.end(&thread);
        thread.join().unwrap();
        wants
    };
    assert_eq!(wants(LogMode::Own), (true, false));
    assert_eq!(wants(LogMode::All), (true, true));
    assert_eq!(wants(LogMode::Off), (false, false));
}

/// A pipe that nobody reads from, until it is let go.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _let_go = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_takes_nothing_holds_up_neither_requests_nor_the_end() {
    let (let_go, stuck) = std::sync::mpsc::channel();
    let (log, thread) = Log::start(LogMode::All, LogFormat::Json, Box::new(Stuck(stuck))).unwrap();
    (0..10_000).for_each(|_| log.line(None, line("/")));
    log.end(&thread);
    assert!(!thread.is_finished());
    drop(let_go);
}
