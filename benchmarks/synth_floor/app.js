// The floor: the organization with <count> projects in plain JavaScript on aws-cdk-lib.
//
//     node app.js <generated directory> <count> <assembly to write>
'use strict';
const path = require('node:path');
const cdk = require('aws-cdk-lib');

const [generated, count, outdir] = process.argv.slice(2);
const from = (file) => require(path.resolve(generated, file));
const { projectStack, projectName, environments } = from('stacks.json');
const app = new cdk.App({ outdir });
for (const [name, env] of Object.entries(environments)) {
  if (name !== projectStack) from(`${name}.js`)(new cdk.Stack(app, name, { env }), projectName);
}
const build = from('project.js');
for (let index = 0; index < Number(count); index += 1) {
  const project = index === 0 ? projectName : `${projectName}${index}`;
  const stack = new cdk.Stack(app, projectStack.replace(projectName, project), { env: environments[projectStack] });
  build(stack, project);
}
app.synth();
