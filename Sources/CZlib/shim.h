#include <zlib.h>

// zlib's initialisers are macros, which Swift does not import.
static inline int atollInflateInit(z_streamp stream, int windowBits) {
    return inflateInit2(stream, windowBits);
}
static inline int atollDeflateInit(z_streamp stream, int level, int windowBits) {
    return deflateInit2(stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY);
}
