// <quantdyn/result.h>: opens a result and gives back its tables, snapshots and weights.
#pragma once

#include "experiments/results/result_reader.h"
