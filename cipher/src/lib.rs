//! Nothing to call: whoever depends on this links SQLCipher with the ciphers that its build script compiles.
