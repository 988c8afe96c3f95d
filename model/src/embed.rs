//! Sentence embeddings of all-MiniLM-L6-v2: the mean of the last layer over the tokens, of length 1.
//!
//! The encoder is candle-transformers' BERT. The table of word embeddings, half of the file, is left where it is and only the rows
//! that a text needs are read out of it. Texts stand one after the other in one row, and a mask keeps each to itself: nothing is
//! padded, and the encoder's weights are read once for many texts.

use crate::{Cancel, LoadError, SummariseError, weights};
use candle_core::{DType, Device, Tensor};
use candle_nn::{LayerNorm, Module, VarBuilder, layer_norm};
use candle_transformers::models::bert::{BertEncoder, Config, HiddenAct};
use core::fmt;
use safetensors::SafeTensors;
use std::error::Error;
use tokenizers::{Tokenizer, TruncationParams};
use zeroize::Zeroizing;

/// The length of an embedding.
pub const DIMENSIONS: usize = 384;

/// The most tokens of a text that are looked at, the two around it included.
const MAX_TOKENS: usize = 64;

/// The most bytes of a text that are tokenised: enough for [`MAX_TOKENS`], and a bound for words without spaces.
const MAX_BYTES: usize = 512;

/// The most tokens in one row, which is the longest step between two looks at [`Cancel`]. More would spend more on the mask than they
/// save on the weights.
const ROW_TOKENS: usize = 128;

/// Bytes of an `f32` in the file.
const FLOAT: usize = 4;

/// The tensor with one row for each token of the vocabulary.
const WORD_TABLE: &str = "embeddings.word_embeddings.weight";

/// Turns texts into vectors that are near when the texts mean much the same. `W` holds the weights' bytes: a map, or a vector.
pub struct Embedder<W> {
    weights: W,
    /// Where the word table begins in `weights`, and how long it is, in bytes.
    table: (usize, usize),
    /// Position embeddings plus the embedding of "first segment": [`DIMENSIONS`] floats for each of [`MAX_TOKENS`].
    places: Vec<f32>,
    norm: LayerNorm,
    encoder: BertEncoder,
    tokenizer: Tokenizer,
}

/// The engine failed. Never because of what a text says, and never with a byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbedError;

impl fmt::Display for EmbedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the embedding engine failed; the request can be sent again")
    }
}

impl Error for EmbedError {}

impl<W: AsRef<[u8]>> Embedder<W> {
    /// Loads the three files. `weights` is kept, and must not change.
    ///
    /// # Errors
    /// [`LoadError`] when a file is not the one of `weights.lock`.
    pub fn load(weights: W, config: &[u8], tokenizer: &[u8]) -> Result<Self, LoadError> {
        const WEIGHTS: &str = "model.safetensors";
        weights::check("config.json", config)?;
        weights::check("tokenizer.json", tokenizer)?;
        weights::check(WEIGHTS, weights.as_ref())?;
        let config: Config = serde_json::from_slice(config).map_err(|_| LoadError::Unusable {
            file: "config.json",
        })?;
        if config.hidden_size != DIMENSIONS
            || config.hidden_act != HiddenAct::Gelu
            || config.max_position_embeddings < MAX_TOKENS
        {
            return Err(LoadError::Unusable {
                file: "config.json",
            });
        }
        let tokenizer = tokens(tokenizer).ok_or(LoadError::Unusable {
            file: "tokenizer.json",
        })?;
        let unusable = LoadError::Unusable { file: WEIGHTS };
        let table = word_table(weights.as_ref(), config.vocab_size).ok_or(unusable)?;
        let (places, norm, encoder) =
            layers(weights.as_ref(), &config).map_err(|_| LoadError::Unusable { file: WEIGHTS })?;
        Ok(Self {
            weights,
            table,
            places,
            norm,
            encoder,
            tokenizer,
        })
    }

    /// One vector of [`DIMENSIONS`] for each text, one after the other; each of length 1, or all zero for a text without tokens.
    ///
    /// # Errors
    /// [`SummariseError::Stopped`] and [`SummariseError::TooLate`] as `cancel` says; [`SummariseError::Engine`] when the engine failed.
    pub fn embed(
        &self,
        texts: &[&str],
        cancel: &Cancel,
    ) -> Result<Zeroizing<Vec<f32>>, SummariseError> {
        let mut vectors = Zeroizing::new(vec![0.0; texts.len() * DIMENSIONS]);
        let mut tokens = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let head = text
                .get(..text.floor_char_boundary(MAX_BYTES))
                .unwrap_or("");
            let encoded = self
                .tokenizer
                .encode_fast(head, true)
                .map_err(|_| EmbedError)?;
            let ids = Zeroizing::new(encoded.get_ids().to_vec());
            // The two tokens around the text are always there; alone they mean nothing.
            if ids.len() > 2 {
                tokens.push((index, ids));
            }
        }
        let mut rest = tokens.as_slice();
        while !rest.is_empty() {
            cancel.check()?;
            let (row, after) = rest.split_at(row(rest));
            rest = after;
            let ids: Vec<&[u32]> = row.iter().map(|(_, ids)| ids.as_slice()).collect();
            let hidden = self.encode(&ids).map_err(|_| EmbedError)?;
            let mut hidden = hidden.as_slice();
            for (index, ids) in row {
                let (own, others) = hidden
                    .split_at_checked(ids.len() * DIMENSIONS)
                    .ok_or(EmbedError)?;
                hidden = others;
                if let Some(place) = vectors.chunks_exact_mut(DIMENSIONS).nth(*index) {
                    mean(own, place);
                }
            }
        }
        Ok(vectors)
    }

    /// The last layer for each token of the `texts`, which together have at most [`ROW_TOKENS`].
    fn encode(&self, texts: &[&[u32]]) -> candle_core::Result<Zeroizing<Vec<f32>>> {
        let length = texts.iter().map(|ids| ids.len()).sum();
        let words = Tensor::from_vec(self.gather(texts)?, (1, length, DIMENSIONS), &Device::Cpu)?;
        let mask = Tensor::from_vec(mask(texts), (1, 1, length, length), &Device::Cpu)?;
        let hidden = self.encoder.forward(&self.norm.forward(&words)?, &mask)?;
        Ok(Zeroizing::new(hidden.flatten_all()?.to_vec1()?))
    }

    /// The sums of word and place embeddings for these tokens.
    fn gather(&self, texts: &[&[u32]]) -> candle_core::Result<Vec<f32>> {
        let row = DIMENSIONS * FLOAT;
        let (start, length) = self.table;
        let table = self
            .weights
            .as_ref()
            .get(start..start + length)
            .unwrap_or(&[]);
        let mut gathered = Vec::with_capacity(ROW_TOKENS * DIMENSIONS);
        for ids in texts {
            for (&id, place) in ids.iter().zip(self.places.chunks_exact(DIMENSIONS)) {
                let offset = usize::try_from(id)
                    .unwrap_or(usize::MAX)
                    .saturating_mul(row);
                let Some(bytes) = offset
                    .checked_add(row)
                    .and_then(|end| table.get(offset..end))
                else {
                    candle_core::bail!("a token without a row in the word table");
                };
                let floats = bytes.as_chunks::<FLOAT>().0.iter();
                gathered.extend(
                    floats
                        .zip(place)
                        .map(|(float, place)| f32::from_le_bytes(*float) + place),
                );
            }
        }
        Ok(gathered)
    }
}

/// How many of `texts` fit into one row; at least one.
fn row(texts: &[(usize, Zeroizing<Vec<u32>>)]) -> usize {
    let mut tokens = 0;
    let fit = texts.iter().take_while(|(_, ids)| {
        tokens += ids.len();
        tokens <= ROW_TOKENS
    });
    fit.count().max(1)
}

/// What is added to the attention of each token to each other: nothing inside a text, the lowest number between texts.
fn mask(texts: &[&[u32]]) -> Vec<f32> {
    let length: usize = texts.iter().map(|ids| ids.len()).sum();
    let mut mask = Vec::with_capacity(length * length);
    let mut before = 0;
    for ids in texts {
        let after = before + ids.len();
        for _ in *ids {
            mask.extend((0..length).map(|other| {
                if (before..after).contains(&other) {
                    0.0
                } else {
                    f32::MIN
                }
            }));
        }
        before = after;
    }
    mask
}

/// Writes the mean of `rows` to `place`, with length 1.
fn mean(rows: &[f32], place: &mut [f32]) {
    for row in rows.chunks_exact(DIMENSIONS) {
        place
            .iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += value);
    }
    let length = place.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        place.iter_mut().for_each(|value| *value /= length);
    }
}

/// The tokenizer, made to cut at [`MAX_TOKENS`] and to pad nothing, whatever its file says.
fn tokens(file: &[u8]) -> Option<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(file).ok()?;
    let cut = TruncationParams {
        max_length: MAX_TOKENS,
        ..TruncationParams::default()
    };
    tokenizer.with_truncation(Some(cut)).ok()?;
    tokenizer.with_padding(None);
    Some(tokenizer)
}

/// Where the word table lies in a safetensors file: after eight bytes of length and that much JSON.
fn word_table(file: &[u8], vocabulary: usize) -> Option<(usize, usize)> {
    let (json, metadata) = SafeTensors::read_metadata(file).ok()?;
    let info = metadata.info(WORD_TABLE)?;
    let (start, end) = info.data_offsets;
    let length = end.checked_sub(start)?;
    let fits = info.dtype == safetensors::Dtype::F32
        && info.shape == [vocabulary, DIMENSIONS]
        && length == vocabulary.checked_mul(DIMENSIONS)?.checked_mul(FLOAT)?;
    let start = json.checked_add(8)?.checked_add(start)?;
    (fits && start.checked_add(length)? <= file.len()).then_some((start, length))
}

fn layers(file: &[u8], config: &Config) -> candle_core::Result<(Vec<f32>, LayerNorm, BertEncoder)> {
    let tensors = VarBuilder::from_slice_safetensors(file, DType::F32, &Device::Cpu)?;
    let embeddings = tensors.pp("embeddings");
    let places = embeddings
        .get(
            (config.max_position_embeddings, DIMENSIONS),
            "position_embeddings.weight",
        )?
        .narrow(0, 0, MAX_TOKENS)?;
    let segments = embeddings.get(
        (config.type_vocab_size, DIMENSIONS),
        "token_type_embeddings.weight",
    )?;
    let places = places
        .broadcast_add(&segments.narrow(0, 0, 1)?)?
        .flatten_all()?
        .to_vec1()?;
    let norm = layer_norm(
        DIMENSIONS,
        config.layer_norm_eps,
        embeddings.pp("LayerNorm"),
    )?;
    let encoder = BertEncoder::load(tensors.pp("encoder"), config)?;
    Ok((places, norm, encoder))
}
