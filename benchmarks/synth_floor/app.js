// The floor: the organisation with <count> projects in plain JavaScript on aws-cdk-lib.
//
//     node app.js <generated directory> <count> <assembly to write>
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const cdk = require('aws-cdk-lib');

const [generated, count, outdir] = process.argv.slice(2);
const { projectStack, projectName, environments } = require(path.resolve(generated, 'stacks.json'));
const app = new cdk.App({ outdir });
for (const [name, env] of Object.entries(environments)) {
  if (name === projectStack) continue;
  require(path.resolve(generated, `${name}.js`))(new cdk.Stack(app, name, { env }), projectName);
}
const build = require(path.resolve(generated, 'project.js'));
for (let index = 0; index < Number(count); index += 1) {
  const project = index === 0 ? projectName : `${projectName}-${index}`;
  build(new cdk.Stack(app, projectStack.replace(projectName, project), { env: environments[projectStack] }), project);
}
app.synth();
