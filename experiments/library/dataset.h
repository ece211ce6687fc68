// <quantdyn/dataset.h>: the contract of a dataset, and how a plugin registers one:
// Registered<DatasetPair>.
#pragma once

#include "data/dataset.h"
