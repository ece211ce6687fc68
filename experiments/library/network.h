// <quantdyn/network.h>: the graph of a net: read from a network YAML, a Keras model or a result;
// its nodes, units, parameters.
#pragma once

#include "experiments/run/network_file.h"
#include "framework/graph/network.h"
