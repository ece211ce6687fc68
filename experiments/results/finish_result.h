// A result of what a run that did not end has finished.
#pragma once

#include <filesystem>
#include <string>

#include "experiments/results/result_reader.h"
#include "experiments/results/result_writer.h"

namespace quantdyn {

/// What finish_result() wrote.
struct FinishedResult {
  std::filesystem::path result;
  int64_t snapshots;
  std::string ended;  ///< as ended_early()
};

/// Writes result.h5 of a folder from its finished snapshots: those from the first on that are
/// undamaged. Snapshots and checkpoints stay. The result has the provenance `finished` and, if
/// anything is missing that the experiment asks for, `ended`: why, and what is missing. Its
/// `seconds` and `peak_memory_mib` are missing.
///
/// ConfigError: no such folder, a run is writing there, it holds no finished snapshot, or a
/// result and `overwrite` is refuse. Error: writing failed.
FinishedResult finish_result(const std::filesystem::path& folder, Overwrite overwrite);

/// Why a result is not whole, in one line: "the loss is nan ...; stopped after epoch 3 of 10,
/// step 48; without int8". "" if it is whole.
std::string ended_early(const ResultReader& result);

/// Notes in the folder why a run ends, for finish_result(); does nothing if that fails.
void note_failure(const std::filesystem::path& folder, const std::string& why);
/// The note in one line; "" if there is none.
std::string noted_failure(const std::filesystem::path& folder);
/// Removes such a note.
void forget_failure(const std::filesystem::path& folder);

}  // namespace quantdyn
