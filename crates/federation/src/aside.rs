//! Work that visitors never wait for: on a thread of its own, behind everybody else.

use std::io;

use tokio::sync::oneshot;

/// How far behind the rest of the process such a thread stands, as `nice(1)` counts: the furthest.
const BEHIND: i32 = 19;

/// Does `work` on a thread that ends with it. Its priority stays low: nobody may raise it again.
///
/// # Errors
///
/// Where the system gives no thread, or the work panicked.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("refresh".to_owned());
    thread.spawn(move || {
        // On Linux this is of the calling thread. One that may not works as fast as the others.
        rustix::process::setpriority_process(None, BEHIND).ok();
        tell.send(work()).ok();
    })?;
    told.await
        .map_err(|_| io::Error::other("the thread that worked broke off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn only_what_is_done_aside_stands_behind() {
        let before = priority();
        assert_eq!(aside(priority).await.unwrap(), BEHIND);
        assert_eq!(priority(), before);
        let broken = aside(|| panic!("on purpose")).await;
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::Other);
    }
}
