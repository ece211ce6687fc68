// The processes that mpirun or srun has started, over MPI.
#pragma once

#include <memory>

#include "framework/base/ranks.h"

namespace quantdyn {

/// Joins the others. Null if this process was not started as one of several, or alone; ConfigError
/// if it was but the program is built without MPI. The result finishes MPI when it goes.
std::unique_ptr<Ranks> join_mpi_ranks();

}  // namespace quantdyn
