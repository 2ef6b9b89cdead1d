//! What we emit, as others see it: every kind of document, with every kind of key and with names
//! nobody would wish for, is verified by the `xmlsec1` command and by a library that shares nothing
//! with us, is byte for byte its own exclusive canonical form, and obeys the OASIS schemas.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod encrypted;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod signatures;
#[cfg(test)]
mod values;
#[cfg(test)]
mod witnesses;
