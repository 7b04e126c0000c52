// Writes what the floor is built from, out of an assembly that our constructs synthesized:
//
//   <stack>.js, project.js   every resource as one typed L1 constructor call with the same properties
//
// Generated, so that both programs always describe the same resources; the benchmark compares the templates.
//
//     node generate.js <assembly> <project stack> <project name> <output directory>
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const cdk = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const { literal, pipelineDefinition, toProject } = require('./source');

const classes = JSON.parse(
  fs.readFileSync(path.join(path.dirname(require.resolve('aws-cdk-lib/cloudformation-include')), 'cfn-types-2-classes.json')),
);
const [assembly, projectStack, projectName, output] = process.argv.slice(2);
const manifest = JSON.parse(fs.readFileSync(path.join(assembly, 'manifest.json'), 'utf8'));
const environments = {};
toProject(projectName);
fs.mkdirSync(output, { recursive: true });

for (const [name, artifact] of Object.entries(manifest.artifacts)) {
  if (artifact.type !== 'aws:cloudformation:stack') continue;
  const [account, region] = artifact.environment.replace('aws://', '').split('/');
  environments[name] = { account, region };
  const template = JSON.parse(fs.readFileSync(path.join(assembly, artifact.properties.templateFile), 'utf8'));
  const isProject = name === projectStack;
  fs.writeFileSync(path.join(output, `${isProject ? 'project' : name}.js`), stackSource(name, template, files(artifact)));
}
fs.writeFileSync(path.join(output, 'stacks.json'), JSON.stringify({ projectStack, projectName, environments }));

// A stack as a function of typed L1 constructors.
function stackSource(name, template, shipped) {
  const stack = new cdk.Stack(new cdk.App({ outdir: fs.mkdtempSync(path.join(output, 'scratch-')) }), name);
  const bare = path.join(output, `${name}.resources.json`);
  fs.writeFileSync(bare, JSON.stringify({ Resources: template.Resources }));
  const include = new CfnInclude(stack, 'Template', { templateFile: bare });
  const modules = new Set(shipped.length > 0 ? ['aws-cdk-lib/aws-s3-assets'] : []);
  const body = Object.entries(template.Resources).map(([id, resource]) =>
    construct(id, resource, stack.resolve(include.getResource(id).cfnProperties), modules));
  const staged = shipped.map((file, index) =>
    `  new aws_s3_assets.Asset(stack, 'File${index}', { path: ${JSON.stringify(file)} });`);
  const outputs = Object.entries(template.Outputs ?? {}).map(([id, value]) => cfnOutput(id, value));
  const requires = [...modules].sort().map((module) => `const ${alias(module)} = require('${module}');`);
  return `'use strict';
const cdk = require('aws-cdk-lib');
${requires.join('\n')}

module.exports = (stack, project) => {
${[...staged, ...body, ...outputs].join('\n')}
};
`;
}

function construct(id, resource, properties, modules) {
  // A custom resource has properties that its class does not know.
  const known = resource.Type === 'AWS::CloudFormation::CustomResource' ? undefined : classes[resource.Type];
  const name = known ?? 'aws-cdk-lib.CfnResource';
  const module = name.slice(0, name.lastIndexOf('.'));
  if (module !== 'aws-cdk-lib') modules.add(module);
  const props = known ? properties : { type: resource.Type, properties: resource.Properties };
  let source = literal(props);
  if (resource.Type === 'AWS::SageMaker::Pipeline') {
    const definition = pipelineDefinition(resource);
    const { pipelineDefinition: _, ...others } = props;
    source = `{ ...${literal(others)}, pipelineDefinition: { PipelineDefinitionBody: stack.toJsonString(${definition}) } }`;
  }
  const lines = ['  {',
    `    const resource = new ${alias(module)}.${name.slice(name.lastIndexOf('.') + 1)}(stack, ${JSON.stringify(id)}, ${source});`,
    `    resource.overrideLogicalId(${JSON.stringify(id)});`];
  for (const [key, option] of [['DeletionPolicy', 'deletionPolicy'], ['UpdateReplacePolicy', 'updateReplacePolicy']]) {
    if (resource[key]) lines.push(`    resource.cfnOptions.${option} = ${JSON.stringify(resource[key])};`);
  }
  if (resource.DependsOn) lines.push(`    resource.addOverride('DependsOn', ${JSON.stringify(resource.DependsOn)});`);
  return [...lines, '  }'].join('\n');
}

function cfnOutput(id, value) {
  const props = { value: value.Value, description: value.Description, exportName: value.Export?.Name };
  const made = `new cdk.CfnOutput(stack, ${JSON.stringify(`Output${id}`)}, ${literal(props)})`;
  return `  ${made}.overrideLogicalId(${JSON.stringify(id)});`;
}

// The files that a stack ships, to be staged and hashed as the original's are.
function files(artifact) {
  return (artifact.dependencies ?? []).map((name) => manifest.artifacts[name])
    .filter((dependency) => dependency.type === 'cdk:asset-manifest')
    .map((dependency) => JSON.parse(fs.readFileSync(path.join(assembly, dependency.properties.file), 'utf8')))
    .flatMap((found) => Object.values(found.files ?? {}))
    .map(({ source }) => source.path)
    .filter((file) => !file.endsWith('.template.json'))
    .map((file) => path.resolve(assembly, file));
}

function alias(module) {
  return module === 'aws-cdk-lib' ? 'cdk' : module.split('/').pop().replace(/-/g, '_');
}
