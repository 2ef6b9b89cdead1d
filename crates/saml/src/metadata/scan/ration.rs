//! So much may be read of one piece, and no more: what a parser gathers until a tag or a text ends is
//! never longer, however long it is written.

use std::io::{BufRead, ErrorKind, Read, Result};

/// What is read from, and how much of it may still be taken.
pub(super) struct Ration<R> {
    inner: R,
    left: usize,
}

impl<R> Ration<R> {
    pub(super) fn of(inner: R) -> Self {
        Self { inner, left: 0 }
    }

    /// A new piece begins.
    pub(super) fn renew(&mut self, bytes: usize) {
        self.left = bytes;
    }

    /// Whether the piece at hand was too long.
    pub(super) fn is_used_up(&self) -> bool {
        self.left == 0
    }
}

impl<R: BufRead> BufRead for Ration<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.left == 0 {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let bytes = self.inner.fill_buf()?;
        Ok(bytes.get(..self.left).unwrap_or(bytes))
    }

    fn consume(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
        self.inner.consume(bytes);
    }
}

impl<R: BufRead> Read for Ration<R> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let read = self.fill_buf()?.read(to)?;
        self.consume(read);
        Ok(read)
    }
}
