use super::*;
use crate::net::tests::run;
use std::time::Duration;

/// A body of which nothing comes in time.
struct Late(bool);

impl HttpBody for Late {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let error = HttpError::Timeout(Duration::from_secs(7)).into_io();
        Poll::Ready((!std::mem::replace(&mut self.0, true)).then_some(Err(error)))
    }
}

#[test]
fn a_body_that_timed_out_while_its_beginning_was_looked_at_still_says_after_how_long() {
    let (outcome, _) = run(async {
        let mut body = Body::answer(Late(false));
        assert_eq!(body.prefix(100).await, b"");
        body.frame().await.unwrap()
    });
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.to_string().contains("timed out after 7s"), "{error}");
    assert!(matches!(HttpError::from(error), HttpError::Timeout(time) if time == Duration::from_secs(7)));
}
