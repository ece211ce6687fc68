// Runs a net on images chunk by chunk and visits the taps; each worker has a small memory of its
// own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "framework/base/arena.h"
#include "framework/run/chain.h"
#include "framework/run/step_profile.h"

namespace quantdyn {

/// Which results stay readable after a chunk's evaluation.
enum class Keep { logits, all };

/// Evaluation forward: batch norms use their running statistics.
class Evaluator {
 public:
  Evaluator(const Network& network, Fusing fusing, ConvolutionAlgorithm algorithm, Keep keep,
            const LayoutRule& rule = lay_out);

  const Network& network() const { return network_; }
  /// The tap of a unit, to attach observers and a transform; empty at first.
  Tap& tap(int unit, TapKind kind) { return taps_[unit][static_cast<size_t>(kind)]; }
  /// Whether a unit has this tap: `conv` exists only before an unfolded batch norm.
  bool has_tap(int unit, TapKind kind) const;
  /// How this unit's step computes tap norm from tap conv, if it shows both tile by tile and
  /// nothing replaces values in between (see EvaluationStep::norm_of_conv).
  std::optional<TapMap> norm_of_conv(int unit) const;
  void clear_taps();
  /// Call it after every change of parameters. Weights whose codes a unit has taken must keep them.
  void prepare();
  /// From now on the unit sums products of codes, if its step can (CodeMultiplier::take_codes).
  bool take_codes(int unit, const ProductCodes& codes);

  /// Evaluates a batch x [N,...], N a multiple of 8, of which `images` are real; `first_chunk`
  /// numbers its first chunk among all images observed so far; logits [N,classes] may be empty.
  /// Parallel over chunks.
  void run(View<const float> x, int64_t images, int64_t first_chunk, View<float> logits);

  /// Evaluates one chunk x [8,...] in this worker's memory and tells the observers when it is done.
  void run_chunk(View<const float> x, int64_t images, int64_t chunk, int worker);
  /// A unit's output after run_chunk, [8,...]; needs Keep::all, except for the last unit.
  View<const float> output(int unit, int worker) const;
  /// Runs one unit alone, with transforms but without observers, on the outputs of earlier units in
  /// `from`. Returns its output, which replaces this worker's own. Needs Keep::all.
  View<const float> run_unit(int unit, const Evaluator& from, int64_t images, int64_t chunk,
                             int worker);
  /// A unit's output in this worker's memory, to be overwritten with another. Needs Keep::all.
  View<float> output(int unit, int worker);
  /// Copies a chunk x [8,...] into this worker's memory as the net's input, with the input's
  /// transform but without observers. Needs Keep::all.
  void set_input(View<const float> x, int64_t images, int64_t chunk, int worker);
  /// Runs one unit on this worker's outputs of earlier units, with transforms and the observers of
  /// its taps, and tells these when the chunk is done. Needs Keep::all.
  void show_unit(int unit, int64_t images, int64_t chunk, int worker);
  /// Lets run_after() hand on codes, as run() does. Call it after every change of taps and codes.
  void hand_on_codes();
  /// Runs all units after `unit`, with transforms but without observers, on this worker's output of
  /// `unit` and the outputs of earlier units in `before`. Returns the logits, the only output that
  /// stays readable after hand_on_codes(). Needs Keep::all.
  View<const float> run_after(int unit, const Evaluator& before, int64_t images, int64_t chunk,
                              int worker);

  /// From now on, takes the time of every step of run() and run_chunk(); forgets what it took
  /// before.
  void start_profile();
  /// What the copy of the images and each step took since, in order.
  std::vector<StepProfile> profile() const;

 private:
  struct Workspace {
    Arena arena;
    std::vector<float*> results;  // by node; null if the node's result stays inside a step
    float* scratch = nullptr;
    std::vector<bool> holds_codes;  // by node: as of the chunk that runs
    std::vector<double> seconds;    // of the images' copy and each step; empty: nobody asked
    int64_t profiled = 0;           // chunks
  };
  void take_input(View<const float> x, const EvaluationChunk& chunk);
  static void end_chunk(const UnitTaps& taps, const EvaluationChunk& chunk);
  /// Reads the outputs of units before `first_own` from `before`, others from this evaluator.
  void run_step(const EvaluationStep& step, int first_own, const Evaluator& before,
                const EvaluationChunk& chunk);
  /// Whether a step's results may be codes when nothing but the logits is wanted.
  bool may_be_codes(EvaluationStep& step) const;
  /// The codes of a node for a step that reads them; null: it reads values, which are there then.
  const uint8_t* codes_for(const EvaluationStep& step, int node, const EvaluationChunk& chunk);
  bool has_observers() const;
  void run_steps(View<const float> x, const EvaluationChunk& chunk);

  const Network& network_;
  std::vector<std::unique_ptr<EvaluationStep>> steps_;
  std::vector<UnitTaps> taps_;
  std::vector<Workspace> workspaces_;
  // By node; as of the last hand_on_codes(): results that are codes, steps (by their first node)
  // that read their input as codes.
  std::vector<bool> as_codes_, reads_codes_;
  bool has_codes_ = false;
};

}  // namespace quantdyn
