import assert from "node:assert/strict";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { loadPolicy, savePolicy } from "../../src/jobs/policy_file.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { networks, questions, stir, tinyPolicy } from "../policy/tiny_policy.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";

await fileTest(
  "loadPolicy: the policy that was saved, with its config and answers",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      using _scope = device.scope();
      for (const network of networks) {
        for (const repulsion of [null, { sigma: 1.25 }]) {
          const file = `${folder}/${network}.safetensors`, policy = tinyPolicy(device, { network, repulsion });
          stir(policy);
          await savePolicy(device, file, policy);
          const loaded = await loadPolicy(device, file);
          assert.deepEqual(loaded.config, policy.config);
          const { state, classes, valid, prior } = questions(device, policy.config, 2);
          const [a, b] = [policy, loaded].map((each) => each.forward(state, classes, valid, prior));
          assert.deepEqual(await a!.heads.scores.data(), await b!.heads.scores.data());
          assert.deepEqual(await a!.heads.degreeLogits.data(), await b!.heads.degreeLogits.data());
          assert.deepEqual(await a!.strength?.data(), await b!.strength?.data());
          assert.deepEqual(await policy.closeness?.data(), await loaded.closeness?.data());
        }
      }
    }),
);

await fileTest(
  "loadPolicy: files of other kinds are refused by name, in one line",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice(), file = `${folder}/policy.safetensors`, policy = tinyPolicy(device);
      await savePolicy(device, file, policy);
      const { tensors, metadata } = await readSafetensors(file);
      assert.equal(metadata.model, "decoding_policy");
      const config = (change: object) => ({ config: JSON.stringify({ ...policy.config, ...change }) });

      for (
        const wrong of [
          {},
          { config: "{" },
          { config: '{"ch":4}' },
          config({ cells: 8 }),
          config({ max_steps: 1 }),
          config({ x: 1 }),
        ]
      ) {
        await writeSafetensors(file, tensors, wrong);
        await assertUserError(
          () => loadPolicy(device, file),
          `Cannot load a decoding policy from ${file}: its metadata has no config of one; name a file that the training ` +
            "of a policy wrote",
        );
      }
      await writeSafetensors(file, tensors, config({ repulsion: null }));
      await assertUserError(
        () => loadPolicy(device, file),
        `${file}: Cannot load weights: 2 unexpected: strength.bias [1], strength.weight [1, 8]; ` +
          "pass the weights of this model",
      );
      await writeSafetensors(
        file,
        tensors,
        config({ hidden_dim: 1024, cells: 4096, targets: [4096], max_steps: 4096, layers: 64 }),
      );
      await assert.rejects(loadPolicy(device, file), {
        name: "UserError",
        message: /: \d+ of \d+ parameters missing: /,
      });
    }),
);
