// Writes the floor of the synth benchmark: the stacks of an assembly as the plain JavaScript one would write with
// aws-cdk-lib, a typed L1 constructor for each resource. Generated from what our constructs synthesize today, so
// that both programs always describe the same resources (the benchmark compares the templates).
//
//     node generate.js <assembly> <project stack> <project name> <output directory>
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const cdk = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');

const classes = JSON.parse(
  fs.readFileSync(path.join(path.dirname(require.resolve('aws-cdk-lib/cloudformation-include')), 'cfn-types-2-classes.json')),
);

const [assembly, projectStack, projectName, output] = process.argv.slice(2);
const manifest = JSON.parse(fs.readFileSync(path.join(assembly, 'manifest.json'), 'utf8'));
const stacks = Object.entries(manifest.artifacts).filter(([, artifact]) => artifact.type === 'aws:cloudformation:stack');
fs.mkdirSync(output, { recursive: true });

const environments = {};
for (const [name, artifact] of stacks) {
  const [account, region] = artifact.environment.replace('aws://', '').split('/');
  environments[name] = { account, region };
  const file = name === projectStack ? 'project' : name;
  fs.writeFileSync(path.join(output, `${file}.js`), source(name, artifact));
}
fs.writeFileSync(path.join(output, 'stacks.json'), JSON.stringify({ projectStack, projectName, environments }));

function source(name, artifact) {
  const template = JSON.parse(fs.readFileSync(path.join(assembly, artifact.properties.templateFile), 'utf8'));
  const stack = new cdk.Stack(new cdk.App({ outdir: fs.mkdtempSync(path.join(output, 'scratch-')) }), name);
  const bare = path.join(output, `${name}.resources.json`);
  fs.writeFileSync(bare, JSON.stringify({ Resources: template.Resources }));
  const include = new CfnInclude(stack, 'Template', { templateFile: bare });
  const modules = new Set();
  const body = Object.entries(template.Resources).map(([id, resource]) => {
    const typed = include.getResource(id);
    return construct(id, resource, stack.resolve(typed.cfnProperties ?? typed._cfnProperties), modules);
  });
  const outputs = Object.entries(template.Outputs ?? {}).map(([id, value]) => cfnOutput(id, value));
  const shipped = files(artifact);
  if (shipped.length > 0) modules.add('aws-cdk-lib/aws-s3-assets');
  const requires = [...modules].sort().map((module) => `const ${alias(module)} = require('${module}');`);
  return `'use strict';
const cdk = require('aws-cdk-lib');
${requires.join('\n')}

module.exports = (stack, project) => {
${[...shipped, ...body, ...outputs].join('\n')}
};
`;
}

// The files that the stack ships, staged and hashed like the original's.
function files(artifact) {
  const listed = (artifact.dependencies ?? []).map((name) => manifest.artifacts[name])
    .filter((dependency) => dependency.type === 'cdk:asset-manifest')
    .map((dependency) => JSON.parse(fs.readFileSync(path.join(assembly, dependency.properties.file), 'utf8')));
  return listed.flatMap((found) => Object.values(found.files ?? {}))
    .filter(({ source: { path: file } }) => !file.endsWith('.template.json'))
    .map(({ source: { path: file } }, index) =>
      `  new aws_s3_assets.Asset(stack, 'File${index}', { path: ${JSON.stringify(path.resolve(assembly, file))} });`);
}

function construct(id, resource, properties, modules) {
  const name = classes[resource.Type] ?? 'aws-cdk-lib.CfnResource';
  const module = name.slice(0, name.lastIndexOf('.'));
  const className = name.slice(name.lastIndexOf('.') + 1);
  if (module !== 'aws-cdk-lib') modules.add(module);
  const props = classes[resource.Type] ? properties : { type: resource.Type, properties };
  const lines = [`  {`, `    const resource = new ${alias(module)}.${className}(stack, ${JSON.stringify(id)}, ${literal(props)});`,
    `    resource.overrideLogicalId(${JSON.stringify(id)});`];
  for (const [key, option] of [['DeletionPolicy', 'deletionPolicy'], ['UpdateReplacePolicy', 'updateReplacePolicy']]) {
    if (resource[key]) lines.push(`    resource.cfnOptions.${option} = ${JSON.stringify(resource[key])};`);
  }
  if (resource.DependsOn) lines.push(`    resource.addOverride('DependsOn', ${JSON.stringify(resource.DependsOn)});`);
  return [...lines, '  }'].join('\n');
}

function cfnOutput(id, value) {
  const props = { value: value.Value, description: value.Description, exportName: value.Export?.Name };
  return `  new cdk.CfnOutput(stack, ${JSON.stringify(`Output${id}`)}, ${literal(props)}).overrideLogicalId(${JSON.stringify(id)});`;
}

function alias(module) {
  return module === 'aws-cdk-lib' ? 'cdk' : module.split('/').pop().replace(/-/g, '_');
}

// A value of a resolved template as the code that makes it.
function literal(value) {
  if (typeof value === 'string') return text(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  const [key, ...others] = Object.keys(value);
  if (others.length === 0 && (key === 'Ref' || key?.startsWith('Fn::'))) return intrinsic(key, value[key]);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{ ${entries.map(([name, item]) => `${JSON.stringify(name)}: ${literal(item)}`).join(', ')} }`;
}

function intrinsic(key, argument) {
  if (key === 'Ref') return `cdk.Fn.ref(${JSON.stringify(argument)})`;
  if (key === 'Fn::GetAtt') return `cdk.Fn.getAtt(${JSON.stringify(argument[0])}, ${JSON.stringify(argument[1])}).toString()`;
  if (key === 'Fn::Join') return `cdk.Fn.join(${literal(argument[0])}, ${literal(argument[1])})`;
  if (key === 'Fn::Sub' && typeof argument === 'string') return `cdk.Fn.sub(${text(argument)})`;
  return `cdk.Token.asString({ ${JSON.stringify(key)}: ${literal(argument)} })`;
}

function text(value) {
  if (!value.includes(projectName)) return JSON.stringify(value);
  const escaped = value.replace(/[\\`]|\$\{/g, (match) => `\\${match}`);
  return `\`${escaped.replaceAll(projectName, '${project}').replace(/\n/g, '\\n')}\``;
}
