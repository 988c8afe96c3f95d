//! Reading, in whatever pieces the bytes arrive.

use super::{ChunkError, MAX_CHUNKS, MAX_SEALED_CHUNK};
use crate::keyconfig::encapsulated_key_length;
use crate::ohttp::{EncapsulationError, HEADER_LENGTH, RequestHeader, TAG_LENGTH, key_length};
use crate::varint;

/// What a reader found in the bytes that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The next bytes of the sealed chunk that is being read, never none.
    Sealed(&'a [u8]),
    /// That chunk is complete, and it is not the final one.
    Complete,
}

/// Reads the chunks of a request or response.
///
/// It keeps no byte of a chunk. Once it has failed, it fails in the same way for ever.
#[derive(Clone)]
pub struct ChunkReader {
    state: Chunks,
    /// Chunks that were begun, the present one counted.
    begun: u64,
}

#[derive(Clone, Copy)]
enum Chunks {
    Length(varint::Decoder),
    /// Bytes that the present chunk still lacks.
    Sealed(usize),
    /// Bytes that the final chunk has.
    Final(usize),
    Failed(ChunkError),
}

impl Default for ChunkReader {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkReader {
    /// A reader of a stream whose head was read.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Chunks::Length(varint::Decoder::default()),
            begun: 0,
        }
    }

    /// Takes the next piece off the front of `input`; `None` when all of it is used up.
    ///
    /// # Errors
    /// [`ChunkError`] when the framing is broken or beyond the limits.
    pub fn read<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, ChunkError> {
        let found = self.step(input);
        if let Err(error) = found {
            self.state = Chunks::Failed(error);
        }
        found
    }

    fn step<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, ChunkError> {
        loop {
            match &mut self.state {
                Chunks::Length(decoder) => {
                    let Some((&byte, rest)) = input.split_first() else {
                        return Ok(None);
                    };
                    *input = rest;
                    if let Some(length) = decoder.push(byte) {
                        self.begin(length)?;
                    }
                }
                Chunks::Sealed(0) => {
                    self.state = Chunks::Length(varint::Decoder::default());
                    return Ok(Some(Piece::Complete));
                }
                Chunks::Sealed(left) => {
                    let taken = take(input, *left);
                    *left -= taken.len();
                    return Ok((!taken.is_empty()).then_some(Piece::Sealed(taken)));
                }
                Chunks::Final(length) => {
                    let taken = core::mem::take(input);
                    // No sum: lengths of slices are far from overflow, and this difference says it plainly.
                    if taken.len() > MAX_SEALED_CHUNK - *length {
                        return Err(ChunkError::TooLong);
                    }
                    *length += taken.len();
                    return Ok((!taken.is_empty()).then_some(Piece::Sealed(taken)));
                }
                Chunks::Failed(error) => return Err(*error),
            }
        }
    }

    fn begin(&mut self, length: u64) -> Result<(), ChunkError> {
        if self.begun >= MAX_CHUNKS {
            return Err(ChunkError::TooMany);
        }
        self.begun += 1;
        if length == 0 {
            self.state = Chunks::Final(0);
            return Ok(());
        }
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| length <= MAX_SEALED_CHUNK)
            .ok_or(ChunkError::TooLong)?;
        if length <= TAG_LENGTH {
            return Err(ChunkError::Empty);
        }
        self.state = Chunks::Sealed(length);
        Ok(())
    }

    /// Ends the stream: what was read since the last [`Piece::Complete`] is the sealed final chunk. It proves nothing before it was
    /// opened with [`super::FINAL_AAD`].
    ///
    /// # Errors
    /// [`ChunkError::Truncated`] when no final chunk has come, or not as much of it as its tag; or why the reader has failed.
    pub fn finish(&self) -> Result<(), ChunkError> {
        match self.state {
            Chunks::Final(length) if length >= TAG_LENGTH => Ok(()),
            Chunks::Failed(error) => Err(error),
            _ => Err(ChunkError::Truncated),
        }
    }
}

/// Splits at most `length` bytes off the front.
fn take<'a>(input: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = input
        .split_at_checked(length.min(input.len()))
        .unwrap_or((input, &[]));
    *input = rest;
    taken
}

/// Collects a head of known length; `None` until it is whole.
fn collect(head: &mut Vec<u8>, length: usize, input: &mut &[u8]) -> Option<Vec<u8>> {
    head.extend_from_slice(take(input, length.saturating_sub(head.len())));
    (head.len() >= length).then(|| core::mem::take(head))
}

/// What a reader found in the bytes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestPiece<'a> {
    /// The header and the encapsulated key, of its KEM's length. It comes first and once.
    Head(RequestHeader, Vec<u8>),
    /// A piece of a chunk.
    Chunk(Piece<'a>),
}

/// Reads a request (section 4).
pub struct RequestReader {
    state: Request,
    /// What has come of the head's present part.
    head: Vec<u8>,
    chunks: ChunkReader,
}

#[derive(Clone, Copy)]
enum Request {
    Header,
    /// The length of the encapsulated key, in bytes.
    Enc(RequestHeader, usize),
    Chunks,
    Failed(ChunkError),
}

impl Default for RequestReader {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestReader {
    /// A reader of a stream's first byte.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Request::Header,
            head: Vec::with_capacity(HEADER_LENGTH),
            chunks: ChunkReader::new(),
        }
    }

    /// Takes the next piece off the front of `input`; `None` when all of it is used up. Memory is taken for the encapsulated key
    /// alone, once its KEM is known.
    ///
    /// # Errors
    /// [`ChunkError`] when the head or the framing is broken or beyond the limits.
    pub fn read<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<RequestPiece<'a>>, ChunkError> {
        loop {
            match self.state {
                Request::Header => {
                    let Some(header) = collect(&mut self.head, HEADER_LENGTH, input) else {
                        return Ok(None);
                    };
                    let header = RequestHeader::from_slice(&header).ok_or(ChunkError::Truncated)?;
                    let Some(length) = encapsulated_key_length(header.kem) else {
                        let error = EncapsulationError::UnknownKem(header.kem).into();
                        self.state = Request::Failed(error);
                        return Err(error);
                    };
                    self.head.reserve_exact(length);
                    self.state = Request::Enc(header, length);
                }
                Request::Enc(header, length) => {
                    let Some(enc) = collect(&mut self.head, length, input) else {
                        return Ok(None);
                    };
                    self.state = Request::Chunks;
                    return Ok(Some(RequestPiece::Head(header, enc)));
                }
                Request::Chunks => return Ok(self.chunks.read(input)?.map(RequestPiece::Chunk)),
                Request::Failed(error) => return Err(error),
            }
        }
    }

    /// Ends the stream, as [`ChunkReader::finish`].
    ///
    /// # Errors
    /// As [`ChunkReader::finish`].
    pub fn finish(&self) -> Result<(), ChunkError> {
        match self.state {
            Request::Failed(error) => Err(error),
            _ => self.chunks.finish(),
        }
    }
}

/// What a reader found in the bytes of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponsePiece<'a> {
    /// The response's nonce. It comes first and once.
    Nonce(Vec<u8>),
    /// A piece of a chunk.
    Chunk(Piece<'a>),
}

/// Reads a response (section 5).
pub struct ResponseReader {
    /// Bytes of the nonce; `None` when it was handed on.
    nonce: Option<usize>,
    head: Vec<u8>,
    chunks: ChunkReader,
}

impl ResponseReader {
    /// A reader of the response to a request under this AEAD.
    ///
    /// # Errors
    /// [`EncapsulationError::UnknownAead`] for an AEAD that is not spoken here.
    pub fn new(aead: u16) -> Result<Self, EncapsulationError> {
        let length = key_length(aead).ok_or(EncapsulationError::UnknownAead(aead))?;
        Ok(Self {
            nonce: Some(length),
            head: Vec::with_capacity(length),
            chunks: ChunkReader::new(),
        })
    }

    /// Takes the next piece off the front of `input`; `None` when all of it is used up.
    ///
    /// # Errors
    /// [`ChunkError`] when the framing is broken or beyond the limits.
    pub fn read<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<ResponsePiece<'a>>, ChunkError> {
        let Some(length) = self.nonce else {
            return Ok(self.chunks.read(input)?.map(ResponsePiece::Chunk));
        };
        let nonce = collect(&mut self.head, length, input);
        if nonce.is_some() {
            self.nonce = None;
        }
        Ok(nonce.map(ResponsePiece::Nonce))
    }

    /// Ends the stream, as [`ChunkReader::finish`].
    ///
    /// # Errors
    /// As [`ChunkReader::finish`].
    pub fn finish(&self) -> Result<(), ChunkError> {
        self.chunks.finish()
    }
}
