//! A request's body, within its limit. A stream in, bytes out, or why there are none.

use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use http_body_util::BodyExt;

/// Room that is made for a body before it has come; a claimed length costs the claimer nothing.
const FIRST_ROOM: usize = 16 * 1024;

/// How much of an unwanted body is listened to before the answer. A client that is still speaking would find its
/// connection broken instead of reading why.
const HEARD_OUT: usize = 4 * 1024 * 1024;

/// For how long.
const HEARD_OUT_FOR: Duration = Duration::from_secs(1);

/// Why there are no bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unread {
    /// There are too many.
    TooLarge,
    /// The client went away, or spoke nonsense.
    BrokenOff,
}

/// Reads a body of at most `limit` bytes. What it claims to be is believed only if it is too much.
pub(super) async fn read<B>(body: &mut B, limit: usize) -> Result<Vec<u8>, Unread>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if claimed > limit {
        return Err(Unread::TooLarge);
    }
    let mut bytes = Vec::with_capacity(claimed.min(FIRST_ROOM));
    while let Some(frame) = body.frame().await {
        // Trailers are nobody's business.
        let Ok(data) = frame.map_err(|_| Unread::BrokenOff)?.into_data() else { continue };
        if data.len() > limit - bytes.len() {
            return Err(Unread::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Listens to a body that nobody wants, within reason.
pub(super) async fn hear_out<B>(body: &mut B)
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let listen = async {
        let mut heard = 0;
        while let Some(Ok(frame)) = body.frame().await {
            heard += frame.data_ref().map_or(0, Bytes::len);
            if heard > HEARD_OUT {
                break;
            }
        }
    };
    // Whether it came to its end makes no difference.
    let _ended = tokio::time::timeout(HEARD_OUT_FOR, listen).await;
}
