// One project as a person writes it with aws-cdk-lib in JavaScript: L2 constructs wherever there are any.
'use strict';
const path = require('node:path');
const { Aws, CfnResource, Duration, RemovalPolicy, Tags } = require('aws-cdk-lib');
const assets = require('aws-cdk-lib/aws-s3-assets');
const budgets = require('aws-cdk-lib/aws-budgets');
const iam = require('aws-cdk-lib/aws-iam');
const kms = require('aws-cdk-lib/aws-kms');
const lambda = require('aws-cdk-lib/aws-lambda');
const logs = require('aws-cdk-lib/aws-logs');
const s3 = require('aws-cdk-lib/aws-s3');
const sagemaker = require('aws-cdk-lib/aws-sagemaker');
const scheduler = require('aws-cdk-lib/aws-scheduler');
const sqs = require('aws-cdk-lib/aws-sqs');

const OWNER = 'forecasting@example.com';
const FUNCTIONS = ['resolve-inputs', 'publish-manifest'];

module.exports = (stack, project, data) => {
  const name = `${project}-weekly-forecast`;
  const made = { 'AWS::KMS::Key': [], 'AWS::S3::Bucket': [], 'AWS::IAM::Role': [], 'AWS::Lambda::Function': [] };
  const attributes = {
    'AWS::KMS::Key': (key) => key.keyArn,
    'AWS::S3::Bucket': (bucket, attribute) => (attribute === 'Ref' ? bucket.bucketName : bucket.bucketArn),
    'AWS::IAM::Role': (role, attribute) => (attribute === 'Ref' ? role.roleName : role.roleArn),
    'AWS::Lambda::Function': (one, attribute) => (attribute === 'Ref' ? one.functionName : one.functionArn),
  };
  // What is not made yet when it is asked for is named by its ARN, as people do.
  const at = (type, index, attribute) => {
    const found = made[type]?.[index];
    return found ? attributes[type](found, attribute) : `arn:${Aws.PARTITION}:${type}:${project}:${index}`;
  };

  const key = new kms.Key(stack, 'Key', {
    description: `Data, models and outputs of the project ${project}`,
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  key.addToResourcePolicy(new iam.PolicyStatement({
    sid: 'EncryptLogGroups',
    principals: [new iam.ServicePrincipal(`logs.${stack.region}.amazonaws.com`)],
    actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    resources: ['*'],
    conditions: {
      ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${Aws.PARTITION}:logs:${stack.region}:${stack.account}:log-group:*` },
    },
  }));
  made['AWS::KMS::Key'].push(key);

  const common = {
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    versioned: true,
    removalPolicy: RemovalPolicy.RETAIN,
  };
  const abort = { id: 'AbortIncompleteUploads', abortIncompleteMultipartUploadAfter: Duration.days(7) };
  const accessLogs = new s3.Bucket(stack, 'Logs', {
    ...common,
    encryption: s3.BucketEncryption.S3_MANAGED,
    lifecycleRules: [abort, { id: 'ExpireLogs', expiration: Duration.days(365), noncurrentVersionExpiration: Duration.days(1) }],
  });
  made['AWS::S3::Bucket'].push(accessLogs, ...['Data', 'Artifacts', 'Output'].map((id) => new s3.Bucket(stack, id, {
    ...common,
    encryptionKey: key,
    bucketKeyEnabled: true,
    lifecycleRules: [abort, { id: 'ExpireOldVersions', noncurrentVersionExpiration: Duration.days(365) }],
    serverAccessLogsBucket: accessLogs,
    serverAccessLogsPrefix: `${id}/`,
  })));

  const role = (id, service) => {
    const statements = data.statements(project, at)[made['AWS::IAM::Role'].length];
    const created = new iam.Role(stack, id, {
      assumedBy: new iam.ServicePrincipal(service, { conditions: { StringEquals: { 'aws:SourceAccount': stack.account } } }),
      inlinePolicies: {
        Policy: new iam.PolicyDocument({
          statements: statements.map((statement) => iam.PolicyStatement.fromJson(statement)),
        }),
      },
    });
    made['AWS::IAM::Role'].push(created);
    return created;
  };
  role('JobRole', 'sagemaker.amazonaws.com');
  const pipelineRole = role('PipelineRole', 'sagemaker.amazonaws.com');
  new sagemaker.CfnModelPackageGroup(stack, 'Models', { modelPackageGroupName: project })
    .applyRemovalPolicy(RemovalPolicy.RETAIN);
  budget(stack, project);

  const code = data.files.filter((file) => !file.endsWith('.tar.gz'));
  data.files.filter((file) => file.endsWith('.tar.gz'))
    .forEach((file, index) => new assets.Asset(stack, `Source${index}`, { path: file }));
  FUNCTIONS.forEach((suffix, index) => {
    const logGroup = new logs.LogGroup(stack, `${suffix}-log`, {
      logGroupName: `/aws/lambda/${name}-${suffix}`,
      encryptionKey: key,
      retention: logs.RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    made['AWS::Lambda::Function'].push(new lambda.Function(stack, suffix, {
      functionName: `${name}-${suffix}`,
      code: lambda.Code.fromAsset(code[index] ?? path.dirname(__filename)),
      handler: `${suffix.replace('-', '_')}.handler`,
      runtime: lambda.Runtime.PYTHON_3_13,
      memorySize: 256,
      timeout: Duration.minutes(5),
      environmentEncryption: key,
      logGroup,
      role: role(`${suffix}-role`, 'lambda.amazonaws.com').withoutPolicyUpdates(),
    }));
  });
  const [, weekly] = data.definitions(project, at).map((definition, index) =>
    new sagemaker.CfnPipeline(stack, `Pipeline${index}`, {
      pipelineName: index === 0 ? `${project}-training` : name,
      pipelineDefinition: { PipelineDefinitionBody: stack.toJsonString(definition) },
      roleArn: pipelineRole.roleArn,
    }));
  schedule(stack, name, key, weekly, role('ScheduleRole', 'scheduler.amazonaws.com'));
  for (const { Key: tag, Value: value } of data.tags(project)) Tags.of(stack).add(tag, value);
};

function budget(stack, project) {
  const subscribers = [{ address: OWNER, subscriptionType: 'EMAIL' }];
  const notify = (notificationType, threshold) => ({
    notification: { comparisonOperator: 'GREATER_THAN', notificationType, threshold, thresholdType: 'PERCENTAGE' },
    subscribers,
  });
  new budgets.CfnBudget(stack, 'Budget', {
    budget: {
      budgetLimit: { amount: 200, unit: 'USD' },
      budgetType: 'COST',
      costFilters: { TagKeyValue: [`user:project$${project}`] },
      timeUnit: 'MONTHLY',
    },
    notificationsWithSubscribers: [notify('ACTUAL', 80), notify('FORECASTED', 100)],
  });
}

function schedule(stack, name, key, pipeline, role) {
  const letters = new sqs.Queue(stack, 'DeadLetters', {
    encryptionMasterKey: key,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
  const group = new scheduler.ScheduleGroup(stack, 'Group', { scheduleGroupName: name });
  new CfnResource(stack, 'Schedule', {
    type: 'AWS::Scheduler::Schedule',
    properties: {
      Name: name,
      GroupName: group.scheduleGroupName,
      FlexibleTimeWindow: { Mode: 'OFF' },
      KmsKeyArn: key.keyArn,
      ScheduleExpression: 'cron(0 3 ? * MON *)',
      ScheduleExpressionTimezone: 'America/New_York',
      Target: {
        Arn: `arn:${Aws.PARTITION}:sagemaker:${stack.region}:${stack.account}:pipeline/${pipeline.ref}`,
        DeadLetterConfig: { Arn: letters.queueArn },
        RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 10 },
        RoleArn: role.roleArn,
      },
    },
  });
}
