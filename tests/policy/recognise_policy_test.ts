import assert from "node:assert/strict";
import { decodingPolicyShapes } from "../../src/policy/decoding_policy_config.ts";
import { recognisePolicy } from "../../src/policy/recognise_policy.ts";
import { networks, tinyPolicyConfig } from "./tiny_policy.ts";

const told = (config: object) => ({ config: JSON.stringify(config) });

Deno.test("recognisePolicy: every network by its metadata, some tensors missing or not", () => {
  for (const network of networks) {
    const config = { ...tinyPolicyConfig, network, repulsion: null }, shapes = decodingPolicyShapes(config);
    assert.deepEqual(recognisePolicy(shapes, told(config)), config);
    const classes = new Map([...shapes].filter(([name]) => name === "classes.weight"));
    assert.deepEqual(recognisePolicy(classes, told(config)), config);
  }
});

Deno.test("recognisePolicy: what is no policy, or says other sizes than it has", () => {
  const shapes = decodingPolicyShapes(tinyPolicyConfig);
  for (const metadata of [{}, { config: "{" }, told({}), told([]), told({ ...tinyPolicyConfig, more: 1 })]) {
    assert.equal(recognisePolicy(shapes, metadata), null, JSON.stringify(metadata));
  }
  for (const changes of [{ cells: 8 }, { max_steps: 1 }, { classes: 4 }, { hidden_dim: 12 }]) {
    assert.equal(recognisePolicy(shapes, told({ ...tinyPolicyConfig, ...changes })), null, JSON.stringify(changes));
  }
  shapes.delete("classes.weight");
  assert.equal(recognisePolicy(shapes, told(tinyPolicyConfig)), null);
});
