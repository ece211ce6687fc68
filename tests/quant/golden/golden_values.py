"""What the make_golden_*.py scripts share: the values, the ranges, and the lines they print.

golden_test.cpp repeats make_values() by whole-number arithmetic. A golden file is a list of cases:

    case tensor|channel|ranges OPTIONS        the options of quantdyn's `affine`
    CHANNEL SCALE ZERO_POINT HASH             of tensor (a channel alone) and channel (all at once)
    LOW HIGH SCALE ZERO_POINT                 of ranges

A golden file of floats has lines HASH_OF_VALUES HASH_OF_CODES OPTIONS, of quantdyn's `float`.
Floats are hexadecimal; HASH is the FNV-1a of the bytes of the dequantized float32 values.
"""
import numpy

ROWS, CHANNELS = 6400, 16


def draws(rows, channels, offset=12345):
    """Words of 32 bits [rows, channels] that have no pattern; the sum of a word's bytes about zero, a
    bell; and its upper 24 bits, even between 0 and 2^24."""
    i = numpy.arange(rows * channels, dtype=numpy.uint64)
    u = (i * numpy.uint64(2654435761) + numpy.uint64(offset)) & numpy.uint64(0xFFFFFFFF)
    u ^= u >> numpy.uint64(15)
    u = (u * numpy.uint64(2246822519)) & numpy.uint64(0xFFFFFFFF)
    u ^= u >> numpy.uint64(13)
    u = u.astype(numpy.int64).reshape(rows, channels)
    bell = ((u & 0xFF) + (u >> 8 & 0xFF) + (u >> 16 & 0xFF) + (u >> 24) - 510).astype(numpy.float64)
    return u, bell, (u >> 8).astype(numpy.float64)


def make_values():
    """Values [ROWS, CHANNELS], exact in float32; each channel is one case that toolkits differ on."""
    u, bell, flat = draws(ROWS, CHANNELS)
    x = bell / 256
    x[:, 0] = 0                                       # an all-zero channel
    x[:, 1] = 0.75                                    # one value
    x[:, 2] = (u[:, 2] % 511) / 128                   # ties: 255 steps of 1 / 64, in halves
    x[:, 3] = (u[:, 3] % 511 - 254) / 128             # ties, with an odd zero point
    x[:, 4] = 3 + flat[:, 4] / 2**23                  # a range that excludes zero, above
    x[:, 5] = -5 + flat[:, 5] / 2**24                 # and below
    x[:, 6] = bell[:, 6] * 2.0**-140                  # denormals
    x[77, 7] = 1e6                                    # one huge outlier
    x[:, 8] = numpy.maximum(x[:, 8], 0)               # after a relu
    x[:, 9] *= 2.0**-12                               # a narrow channel
    x[:, 10] = flat[:, 10] / 2**24                    # uniform
    x[:, 11] = (u[:, 11] % 509 - 254) / 128           # ties where 127 steps reach max|x|
    x[:, 12] = (u[:, 12] % 511 - 255) / 128           # and where 127.5 do
    return x.astype(numpy.float32)


def make_float_values():
    """Values [ROWS * CHANNELS] from 2^-32 to 2^32, one in two with few mantissa bits (so a tie of
    many formats), and the special ones of float32 first."""
    u = draws(ROWS, CHANNELS)[0].ravel()
    kept = numpy.minimum(u & 31, 23)
    mantissa = (u * 747796405 >> 9 & 0x7FFFFF) >> (23 - kept) << (23 - kept)
    bits = (u >> 31 << 31) | (95 + (u >> 23 & 63)) << 23 | mantissa
    bits[:12] = [0, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F7FFFFF,
                 0xFF7FFFFF, 1, 0x80000001, 0x007FFFFF, 0x00800000]
    return bits.astype(numpy.uint32).view(numpy.float32)


def print_floats(options, y, codes):
    """A line of a golden file of floats: NaNs count as one NaN, and as code -2^31."""
    y = numpy.array(y, numpy.float32)
    codes = numpy.where(numpy.isnan(y), numpy.int32(-2**31), codes.astype(numpy.int32))
    y[numpy.isnan(y)] = numpy.nan
    print(fnv1a(y), fnv1a(codes.view(numpy.float32)), options)


def make_ranges(count=100):
    """Pairs (low, high) of float32 on both sides of zero, over many octaves."""
    rng = numpy.random.default_rng(1)
    low = -numpy.exp(rng.normal(0, 3, count)).astype(numpy.float32)
    high = numpy.exp(rng.normal(0, 3, count)).astype(numpy.float32)
    low[:5], high[5:10] = 0, 0
    return [(low[i], high[i]) for i in range(count)]


def fnv1a(values):
    state = 0xCBF29CE484222325
    for byte in numpy.ascontiguousarray(values, numpy.float32).tobytes():
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def print_case(kind, options):
    print("case", kind, options)


def print_values(channel, scale, zero_point, y):
    print(channel, float(scale).hex(), int(zero_point), fnv1a(y))


def print_range(low, high, scale, zero_point):
    print(float(low).hex(), float(high).hex(), float(scale).hex(), int(zero_point))
