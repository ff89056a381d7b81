// y[M][O] = x[M][I] * W[O][I]^T, W in GGUF blocks of 32 weights. See README.md.
#include <stdint.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define BLOCK 32
#define HALF 16
#define MAX_ROWS 8
#define MAX_INPUTS 65536 // bounds the sums on the stack to 64 KB

typedef float lane __attribute__((vector_size(64)));
typedef int32_t words16 __attribute__((vector_size(64)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline __attribute__((always_inline)) float half_at(const uint8_t *bytes) {
#ifdef __AVX512F__
    // Not a conversion from _Float16: that instruction waits for its target's former value.
    uint16_t bits;
    memcpy(&bits, bytes, sizeof bits);
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
#else
    _Float16 value;
    memcpy(&value, bytes, sizeof value);
    return (float)value;
#endif
}

static inline __attribute__((always_inline)) lane load16(const float *from) {
    lane value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline __attribute__((always_inline)) float sum16(lane value) {
#ifdef __AVX512F__
    return _mm512_reduce_add_ps((__m512)value);
#else
    float total = 0;
    for (int j = 0; j < HALF; j++) total += value[j];
    return total;
#endif
}

// Sixteen bytes as floats: the compiler turns the plain conversions into scalar code, hence the intrinsics.
static inline __attribute__((always_inline)) lane from_unsigned(bytes16 q) {
#ifdef __AVX512F__
    return (lane)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)q));
#else
    return __builtin_convertvector(__builtin_convertvector(q, words16), lane);
#endif
}

static inline __attribute__((always_inline)) lane from_signed(bytes16 q) {
#ifdef __AVX512F__
    return (lane)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32((__m128i)q));
#else
    typedef int8_t signed16 __attribute__((vector_size(HALF)));
    return __builtin_convertvector(__builtin_convertvector((signed16)q, words16), lane);
#endif
}

static inline __attribute__((always_inline)) bytes16 bytes_at(const uint8_t *from) {
    bytes16 value;
    memcpy(&value, from, sizeof value);
    return value;
}

// One row of W against M rows of x. `sums` holds the sum of each block of x, [M][I / 32].
static inline __attribute__((always_inline)) void
row(const int form, const int M, const uint8_t *w, const float *x, const float *sums, float *y, long I, long O) {
    const long blocks = I / BLOCK;
    const int bytes = form == 3 ? 20 : 34;
    lane lanes[MAX_ROWS] = {0};
    float minima[MAX_ROWS] = {0};
    for (long b = 0; b < blocks; b++, w += bytes) {
        lane low, high;
        const float d = half_at(w), minimum = form == 3 ? half_at(w + 2) : 0;
        if (form == 3) {
            const bytes16 pairs = bytes_at(w + 4);
            low = d * from_unsigned(pairs & 15);
            high = d * from_unsigned(pairs >> 4);
        } else {
            low = d * from_signed(bytes_at(w + 2));
            high = d * from_signed(bytes_at(w + 2 + HALF));
        }
#pragma GCC unroll 8
        for (int m = 0; m < M; m++) {
            const float *at = x + m * I + b * BLOCK;
            lanes[m] += low * load16(at) + high * load16(at + HALF);
            if (form == 3) minima[m] += minimum * sums[m * blocks + b];
        }
    }
    for (int m = 0; m < M; m++) y[m * O] = sum16(lanes[m]) + minima[m];
}

#define ROWS(form, M) \
    _Pragma("omp parallel for schedule(static) num_threads(threads)") \
    for (long o = 0; o < O; o++) row(form, M, w + o * stride, x, sums, y + o, I, O); \
    return 0;
#define CASES(form) \
    switch (M) { \
        case 1: ROWS(form, 1) case 2: ROWS(form, 2) case 3: ROWS(form, 3) case 4: ROWS(form, 4) \
        case 5: ROWS(form, 5) case 6: ROWS(form, 6) case 7: ROWS(form, 7) case 8: ROWS(form, 8) \
    } \
    return 1;

// `form` is GGUF's number of the format: 3 (Q4_1) or 8 (Q8_0). Returns 0, or 1 for what it cannot do.
int quantised_linear(int form, const uint8_t *w, const float *x, float *y, long M, long I, long O, int threads) {
    if (M < 1 || M > MAX_ROWS || I > MAX_INPUTS) return 1;
    const long stride = I / BLOCK * (form == 3 ? 20 : 34);
    float sums[M * (I / BLOCK)];
    for (long b = 0; b < M * (I / BLOCK); b++)
        sums[b] = sum16(load16(x + b * BLOCK) + load16(x + b * BLOCK + HALF));
    if (form == 3) { CASES(3) }
    if (form == 8) { CASES(8) }
    return 1;
}
