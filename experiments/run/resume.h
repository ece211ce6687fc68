// What an interrupted run left in its folder, and where the next one goes on.
#pragma once

#include <optional>

#include "experiments/results/result_writer.h"
#include "experiments/run/run.h"
#include "framework/base/progress_sink.h"
#include "framework/base/state.h"

namespace quantdyn {

/// Decides where the run begins, before its first snapshot. Gives the state to load, of the newest
/// good checkpoint whose snapshots are all finished, after the writer has taken over those
/// snapshots; nothing where the run starts from the beginning. Says to
/// `sink` where the run goes on, and names every file that cannot be used.
///
/// ConfigError: the folder holds an interrupted run and `how` is refuse, or resume and the runs
/// differ.
std::optional<State> state_to_resume(ResultWriter& writer, const RunFacts& facts, Interrupted how,
                                     ProgressSink& sink);

}  // namespace quantdyn
