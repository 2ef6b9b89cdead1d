//! Every reader of foreign bytes, fed with its seeds changed at random: a moment of what `fuzz/` does
//! for as long as one likes.

#[cfg(test)]
mod changed;
