import attentionSteps from "../../shaders/lib/attention_steps.wgsl" with { type: "text" };
import epilogue from "../../shaders/lib/epilogue.wgsl" with { type: "text" };
import grid from "../../shaders/lib/grid.wgsl" with { type: "text" };
import laneReduce from "../../shaders/lib/lane_reduce.wgsl" with { type: "text" };
import lstmCell from "../../shaders/lib/lstm_cell.wgsl" with { type: "text" };
import lstmStore from "../../shaders/lib/lstm_store.wgsl" with { type: "text" };
import packedStore from "../../shaders/lib/packed_store.wgsl" with { type: "text" };
import philox from "../../shaders/lib/philox.wgsl" with { type: "text" };
import rowReduce from "../../shaders/lib/row_reduce.wgsl" with { type: "text" };
import rowSoftmax from "../../shaders/lib/row_softmax.wgsl" with { type: "text" };
import strides from "../../shaders/lib/strides.wgsl" with { type: "text" };
import texture from "../../shaders/lib/texture.wgsl" with { type: "text" };

/** The files of shaders/lib, by the name that `//@include` gives. */
export const libraryFiles: Readonly<Record<string, string>> = {
  attention_steps: attentionSteps,
  epilogue,
  grid,
  lane_reduce: laneReduce,
  lstm_cell: lstmCell,
  lstm_store: lstmStore,
  packed_store: packedStore,
  philox,
  row_reduce: rowReduce,
  row_softmax: rowSoftmax,
  strides,
  texture,
};
