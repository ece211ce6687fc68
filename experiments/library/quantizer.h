// <quantdyn/quantizer.h>: the contract of a quantizer, LevelQuantization for schemes with arbitrary
// levels, and how a plugin registers one: Registered<Quantizer>.
#pragma once

#include "quant/quantizers/level_quantization.h"
#include "quant/quantizers/quantizer.h"
