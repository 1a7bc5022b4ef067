//! What a token is sealed with whose client has no secret.

use zeroize::Zeroizing;

/// A random key, for clients that have no secret.
pub(super) type FileKey = Zeroizing<[u8; FILE_KEY_LEN]>;

/// As long as the key of the seal: a longer one would make it no stronger.
const FILE_KEY_LEN: usize = 32;
