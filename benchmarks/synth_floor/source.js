// Values of a resolved template as the JavaScript that makes them.
'use strict';
const MARK = /@@(\d+)@@/g;
let projectName = '';

// The name that is a parameter in what is generated.
function toProject(name) {
  projectName = name;
}

function literal(value, expressions = []) {
  if (typeof value === 'string') return text(value, expressions);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => literal(item, expressions)).join(', ')}]`;
  const [key, ...others] = Object.keys(value);
  if (others.length === 0 && (key === 'Ref' || key?.startsWith('Fn::'))) return intrinsic(key, value[key]);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{ ${entries.map(([name, item]) => `${JSON.stringify(name)}: ${literal(item, expressions)}`).join(', ')} }`;
}

function intrinsic(key, argument) {
  if (key === 'Ref') return `cdk.Fn.ref(${JSON.stringify(argument)})`;
  if (key === 'Fn::GetAtt') {
    const [id, attribute] = argument.map((part) => JSON.stringify(part));
    return `cdk.Fn.getAtt(${id}, ${attribute}).toString()`;
  }
  if (key === 'Fn::Join') return `cdk.Fn.join(${literal(argument[0])}, ${literal(argument[1])})`;
  if (key === 'Fn::Sub' && typeof argument === 'string') return `cdk.Fn.sub(${text(argument, [])})`;
  return `cdk.Token.asString({ ${JSON.stringify(key)}: ${literal(argument)} })`;
}

function text(value, expressions) {
  if (!value.includes(projectName) && !value.match(MARK)) return JSON.stringify(value);
  const escaped = value.replace(/[\\`]|\$\{/g, (match) => `\\${match}`).replace(/\n/g, '\\n');
  const named = escaped.replaceAll(projectName, '${project}');
  return `\`${named.replace(MARK, (_, index) => `\${${expressions[index]}}`)}\``;
}

// The definition of a pipeline as the object that a person would write, before it became a string with tokens in it.
function pipelineDefinition(resource) {
  const body = resource.Properties.PipelineDefinition.PipelineDefinitionBody;
  const parts = typeof body === 'string' ? [body] : body['Fn::Join'][1];
  const expressions = [];
  const whole = parts.map((part) => {
    if (typeof part === 'string') return part;
    expressions.push(literal(part));
    return `@@${expressions.length - 1}@@`;
  }).join('');
  return literal(JSON.parse(whole), expressions);
}

module.exports = { literal, pipelineDefinition, toProject };
