// <quantdyn/range_estimator.h>: the contract of a range estimator, and how a plugin registers one:
// Registered<RangeEstimator>.
#pragma once

#include "quant/ranges/range_estimator.h"
